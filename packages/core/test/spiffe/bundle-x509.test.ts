import assert from "node:assert/strict";
import { test } from "node:test";
import {
  parseSpiffeBundle,
  readJwtAuthorities,
  readX509Authorities,
} from "@accredit/core/spiffe";
import { FakeAuthority, FakeX509Authority } from "@accredit/testkit";

const root = await FakeX509Authority.create();
const leaf = (await root.svid()).chain[0] ?? new Uint8Array();
const jwt = await FakeAuthority.create();
const jwtKey = { ...jwt.keys[0]?.publicJwk, kid: "k", use: "jwt-svid" };
const base64 = (der: Uint8Array): string => Buffer.from(der).toString("base64");
const parse = (keys: readonly unknown[]) =>
  parseSpiffeBundle(Buffer.from(JSON.stringify({ keys })));

test("[BNDL-05] an X.509 authority is the first certificate of its entry, whatever else is there", async () => {
  const good = root.bundleKey();
  for (const entry of [
    good,
    { ...good, kid: "ignored" },
    { ...good, kty: undefined },
    { ...good, x5c: [base64(root.certificate), "junk"] },
  ]) {
    const { x509Authorities, skipped, jwtAuthorities } = await parse([entry]);
    assert.equal(x509Authorities.length, 1);
    assert.deepEqual(skipped, []);
    assert.equal(jwtAuthorities.size, 0, "[X04] no key of another use");
    assert.match(x509Authorities[0]?.subject ?? "", /Root/);
  }
});

for (const [name, x5c] of [
  ["no x5c", undefined],
  ["an empty x5c", []],
  ["text for x5c", base64(root.certificate)],
  ["a number", [7]],
  ["base64url", [Buffer.from(root.certificate).toString("base64url")]],
  [
    "a line break",
    [
      `${base64(root.certificate).slice(0, 64)}\n${base64(root.certificate).slice(64)}`,
    ],
  ],
  ["no certificate", [base64(Buffer.from("no certificate"))]],
  ["no authority", [base64(leaf)]],
  ["bytes after it", [base64(Buffer.from([...root.certificate, 0]))]],
] as const) {
  test(`[F19] an x509-svid entry with ${name} is skipped, not the bundle`, async () => {
    const { x509Authorities, skipped, jwtAuthorities } = await parse([
      { use: "x509-svid", kty: "EC", x5c },
      jwtKey,
      root.bundleKey(),
    ]);
    assert.equal(x509Authorities.length, 1);
    assert.equal(jwtAuthorities.size, 1);
    assert.deepEqual(
      skipped.map(({ index }) => index),
      [0],
    );
  });
}

test("[WIT-08] [X04] keys of JWT-SVIDs and WIT-SVIDs are kept apart", async () => {
  const { jwtAuthorities, witAuthorities } = await parse([
    jwtKey,
    { ...jwtKey, use: "wit-svid", kid: "w" },
  ]);
  assert.deepEqual([...jwtAuthorities.keys()], ["k"]);
  assert.deepEqual([...witAuthorities.keys()], ["w"]);
});

test("[BNDL-11] a Workload API's keys need not say their use, and none of another use is taken", async () => {
  const { use: _, ...bare } = jwtKey;
  const jwks = Buffer.from(
    JSON.stringify({ keys: [bare, { ...bare, kid: "x", use: "wit-svid" }] }),
  );
  const { jwtAuthorities } = readJwtAuthorities(jwks);
  assert.deepEqual([...jwtAuthorities.keys()], ["k"]);
  const { x509Authorities, skipped } = readX509Authorities([
    root.certificate,
    leaf,
  ]);
  assert.equal(x509Authorities.length, 1);
  assert.deepEqual(
    skipped.map(({ index }) => index),
    [1],
  );
});

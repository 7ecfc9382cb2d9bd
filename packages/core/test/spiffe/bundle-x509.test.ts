import assert from "node:assert/strict";
import { test } from "node:test";
import {
  parseSpiffeBundle,
  readJwtAuthorities,
  readWitAuthorities,
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
    { ...good, kty: "OKP" },
    { ...good, x5c: [base64(root.certificate), "junk"] },
  ]) {
    const { x509Authorities, skipped, jwtAuthorities } = await parse([entry]);
    assert.equal(x509Authorities.length, 1);
    assert.deepEqual(skipped, []);
    assert.equal(jwtAuthorities.size, 0, "[X04] no key of another use");
    assert.match(x509Authorities[0]?.subject ?? "", /Root/);
  }
});

test("[BNDL-02] an X.509 authority of a key type that nobody knows is skipped", async () => {
  for (const kty of ["FOO", "oct", "", undefined, 7]) {
    const { x509Authorities, skipped } = await parse([
      { ...root.bundleKey(), kty },
    ]);
    assert.equal(x509Authorities.length, 0);
    assert.deepEqual(skipped, [{ index: 0, reason: "unknown kty" }]);
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

test("[WIT-08] a WIT key whose kid names a key of another use too is skipped, and that one is not", async () => {
  const wit = { ...jwtKey, use: "wit-svid" };
  for (const entries of [
    [jwtKey, wit],
    [wit, jwtKey],
    [wit, { ...root.bundleKey(), kid: "k" }],
    [wit, { use: "another", kid: "k" }],
  ]) {
    const bundle = await parse(entries);
    assert.equal(bundle.witAuthorities.size, 0);
    assert.equal(bundle.jwtAuthorities.size, entries.includes(jwtKey) ? 1 : 0);
    assert.match(bundle.skipped.map(({ reason }) => reason).join(), /its kid/);
  }
  const { witAuthorities } = await parse([wit, { ...jwtKey, kid: "other" }]);
  assert.equal(witAuthorities.size, 1);
});

test("[BNDL-06] a kid that names two WIT keys makes the bundle invalid", async () => {
  const another = await FakeAuthority.create();
  const keys = [jwtKey, { ...another.keys[0]?.publicJwk, kid: "k" }];
  await assert.rejects(
    parse(keys.map((key) => ({ ...key, use: "wit-svid" }))),
    {
      code: "bundle_invalid",
    },
  );
});

test("[BNDL-11] WIT keys of a Workload API, and none of another use", async () => {
  const { use: _, ...bare } = jwtKey;
  const { witAuthorities, skipped } = readWitAuthorities(
    Buffer.from(JSON.stringify({ keys: [bare, { ...jwtKey, kid: "x" }, 7] })),
  );
  assert.deepEqual([...witAuthorities.keys()], ["k"]);
  assert.equal(skipped.length, 1);
  assert.throws(() => readWitAuthorities(Buffer.from("{}")), {
    code: "bundle_invalid",
  });
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

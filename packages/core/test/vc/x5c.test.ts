import assert from "node:assert/strict";
import { test } from "node:test";
import { readX509Authorities } from "@accredit/core/spiffe";
import { keyOfCertificates } from "@accredit/core/vc";
import {
  FakeX509Authority,
  KEY_USAGE,
  type FakeSvidChoice,
} from "@accredit/testkit";

const ISSUER = "https://issuer.example/tenant";
const now = Math.floor(Date.now() / 1000);
const root = await FakeX509Authority.create({ uris: [] });
const middle = await root.intermediate({ uris: [] });
const { x509Authorities: roots } = readX509Authorities([root.certificate]);
const base64 = (certificates: readonly Uint8Array[]): string[] =>
  certificates.map((der) => Buffer.from(der).toString("base64"));

async function chain(
  change: FakeSvidChoice = {},
  authority = middle,
): Promise<string[]> {
  const leaf = await authority.svid({
    uris: [],
    dnsNames: ["issuer.example"],
    ...change,
  });
  return base64(leaf.chain);
}

test("[KEYR-02] the key of a chain to a configured root is the issuer's, by URI or DNS name", async () => {
  for (const change of [
    {},
    { uris: [ISSUER], dnsNames: [] },
    { dnsNames: ["a.example", "issuer.example"] },
    { key: "P-384" },
  ] as const) {
    const key = await keyOfCertificates(
      await chain(change),
      { issuer: ISSUER, roots },
      now,
    );
    assert.deepEqual(key.algorithms, "key" in change ? ["ES384"] : ["ES256"]);
  }
  const did = "did:web:issuer.example";
  await keyOfCertificates(
    await chain({ uris: [did], dnsNames: [] }),
    { issuer: did, roots },
    now,
  );
});

test("[KEYR-02] [J05] any other chain gives no key", async () => {
  const stranger = await FakeX509Authority.create({ uris: [] });
  const good = await chain();
  for (const [name, x5c, code] of [
    [
      "self-signed",
      await chain({ selfSigned: true }),
      "certificate_not_trusted",
    ],
    ["a root of another", await chain({}, stranger), "certificate_not_trusted"],
    [
      "a root of another that came along",
      [...(await chain({}, stranger)), ...base64([stranger.certificate])],
      "certificate_not_trusted",
    ],
    [
      "a good leaf after the signing one",
      [...(await chain({}, stranger)), ...good],
      "certificate_not_trusted",
    ],
    ["without its intermediate", good.slice(0, 1), "certificate_not_trusted"],
    [
      "another host",
      await chain({ dnsNames: ["other.example"] }),
      "certificate_invalid",
    ],
    [
      "a host below",
      await chain({ dnsNames: ["a.issuer.example"] }),
      "certificate_invalid",
    ],
    [
      "a wildcard",
      await chain({ dnsNames: ["*.example"] }),
      "certificate_invalid",
    ],
    [
      "another URI",
      await chain({ uris: [`${ISSUER}/x`], dnsNames: [] }),
      "certificate_invalid",
    ],
    [
      "its name in the subject alone",
      await chain({ subject: "CN=issuer.example", dnsNames: [] }),
      "certificate_invalid",
    ],
    ["an authority", await chain({ ca: true }), "certificate_invalid"],
    [
      "no digital signature",
      await chain({ keyUsage: KEY_USAGE.cRLSign }),
      "certificate_invalid",
    ],
    ["expired", await chain({ notAfter: now - 1 }), "certificate_invalid"],
    [
      "not valid yet",
      await chain({ notBefore: now + 60 }),
      "certificate_invalid",
    ],
    ["a weak key", await chain({ key: "RSA-1024" }), "certificate_malformed"],
    ["nothing", [], "header_invalid"],
    ["a text", good[0] ?? "", "header_invalid"],
    ["base64url", ["MII_"], "header_invalid"],
    ["no certificate", ["AAAA"], "certificate_malformed"],
    [
      "nine certificates",
      Array.from({ length: 9 }, () => good[0] ?? ""),
      "header_invalid",
    ],
    ["a certificate too long", ["A".repeat(24_000)], "header_invalid"],
  ] as const)
    await assert.rejects(
      keyOfCertificates(x5c, { issuer: ISSUER, roots }, now),
      { code },
      name,
    );
  await assert.rejects(
    keyOfCertificates(good, { issuer: ISSUER, roots: [] }, now),
    { code: "certificate_not_trusted" },
  );
});

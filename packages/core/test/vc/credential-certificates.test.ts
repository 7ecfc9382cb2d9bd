import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";
import { readX509Authorities } from "@accredit/core/spiffe";
import { verifyCredential } from "@accredit/core/vc";
import { credentialTrust, FakeX509Authority } from "@accredit/testkit";
import { forge, signAs } from "../spiffe/forge.ts";
import {
  GOOD_SD_JWT_VC,
  issuer,
  REQUIREMENTS,
  type Members,
} from "./credential-fixture.ts";

const now = Math.floor(Date.now() / 1000);
const CLAIMS = { ...GOOD_SD_JWT_VC, iat: now, exp: now + 600 };
const root = await FakeX509Authority.create({ uris: [] });
const { x509Authorities: roots } = readX509Authorities([root.certificate]);
const leaf = await root.svid({ uris: [], dnsNames: ["issuer.example"] });
const x5c = leaf.chain.map((der) => Buffer.from(der).toString("base64"));

const pem = (der: Uint8Array) =>
  createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
const minted = (header: Members, key = leaf.privateKey) =>
  `${forge({ alg: "ES256", typ: "dc+sd-jwt", ...header }, CLAIMS, signAs("ES256", pem(key)))}~`;
const check = (token: string, withRoots = true) =>
  verifyCredential(
    token,
    credentialTrust([
      issuer.trusted({
        keys: {
          ...issuer.trusted().keys,
          roots: withRoots ? roots : [],
        },
      }),
    ]),
    { ...REQUIREMENTS, now },
  );

test("[KEYR-02] [DCR-TI-10] a chain to the issuer's configured root brings its key", async () => {
  const { issuer: name, keyId } = await check(minted({ x5c }));
  assert.equal(name, issuer.issuer);
  assert.match(keyId, /^[\w-]{43}$/);
});

test("[KEYR-02] [J05] no other chain does, nor another key, nor any chain without roots", async () => {
  const stranger = await FakeX509Authority.create({ uris: [] });
  const other = await stranger.svid({
    uris: [],
    dnsNames: ["issuer.example"],
  });
  const elsewhere = await root.svid({ uris: [], dnsNames: ["other.example"] });
  const base64 = (chain: readonly Uint8Array[]) =>
    chain.map((der) => Buffer.from(der).toString("base64"));
  for (const [token, code] of [
    [
      minted({ x5c: base64(other.chain) }, other.privateKey),
      "certificate_not_trusted",
    ],
    [
      minted({ x5c: base64(elsewhere.chain) }, elsewhere.privateKey),
      "certificate_invalid",
    ],
    [minted({ x5c }, other.privateKey), "signature_invalid"],
    [minted({ x5c: ["AAAA"] }), "certificate_malformed"],
    [minted({}), "signature_invalid"],
  ] as const)
    await assert.rejects(check(token), { code });
  await assert.rejects(check(minted({ x5c }), false), {
    code: "signature_invalid",
  });
});

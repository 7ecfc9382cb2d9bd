import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DcrError, type DcrErrorCode } from "@accredit/core/errors";
import { verifyWitProof, verifyWitSvid } from "@accredit/core/spiffe";
import { FakeWitAuthority } from "@accredit/testkit";
import {
  authority,
  ISSUER,
  mint,
  NOW,
  REQUIREMENTS,
  trust,
  trustIn,
  verify,
} from "./wit-svid-fixture.ts";

type Members = Readonly<Record<string, unknown>>;

const WANTED = { ...REQUIREMENTS, audiences: [ISSUER], maxAgeSeconds: 300 };
const svid = await mint();
const wit = await verify(svid.token);
const verifyProof = (proof: string, change: Partial<typeof WANTED> = {}) =>
  verifyWitProof(proof, wit, { ...WANTED, ...change });

test("[CAUTH-10] a good proof says when it was made and how to know it again", async () => {
  const claims = { jti: "one", challenge: "c-1", iss: "whoever" };
  const verified = await verifyProof(await svid.proof(ISSUER, { claims }));
  assert.equal(verified.proofId, "one");
  assert.equal(verified.challenge, "c-1");
  assert.equal(verified.issuedAt, NOW);
  assert.equal(verified.expiresAt, NOW + 300);
  assert.match(verified.fingerprint, /^[\w-]{43}$/);
  const plain = await verifyProof(await svid.proof(ISSUER));
  assert.equal(plain.challenge, undefined);
});

for (const algorithm of ["RS256", "PS512", "ES384", "ES512"]) {
  test(`[CAUTH-10] a proof by ${algorithm}`, async () => {
    const bound = await authority.witSvid({}, algorithm);
    const proof = await bound.proof(ISSUER);
    await verifyWitProof(proof, await verify(bound.token), WANTED);
  });
}

const HEADERS: readonly (readonly [string, Members, DcrErrorCode])[] = [
  ...["JWT", "wit+jwt", "dpop+jwt", "wpt+jwt", "", undefined].map(
    (typ) =>
      [
        `[CAUTH-10] typ ${JSON.stringify(typ)}`,
        { typ },
        "header_invalid",
      ] as const,
  ),
  ["[J05] jwk", { jwk: svid.key.publicJwk }, "header_invalid"],
  ["[J04] jku", { jku: "https://attacker.example" }, "header_invalid"],
  ["[J05] x5c", { x5c: ["AAAA"] }, "header_invalid"],
  ["an unknown member", { foo: 1 }, "header_invalid"],
];
for (const [name, header, code] of HEADERS) {
  test(`wit-proof: refuses ${name}`, async () => {
    const proof = await svid.proof(ISSUER, { header });
    await assert.rejects(verifyProof(proof), { name: "DcrError", code });
  });
}

const CLAIMS: readonly (readonly [string, Members, DcrErrorCode])[] = [
  ["[CAUTH-10] no aud", { aud: undefined }, "audience_mismatch"],
  ["another aud", { aud: "https://other.example" }, "audience_mismatch"],
  [
    "[AMB-20] aud with a slash more",
    { aud: `${ISSUER}/` },
    "audience_mismatch",
  ],
  [
    "the token endpoint as aud",
    { aud: `${ISSUER}/token` },
    "audience_mismatch",
  ],
  ["two aud", { aud: [ISSUER, "https://other.example"] }, "audience_mismatch"],
  ["aud twice", { aud: [ISSUER, ISSUER] }, "audience_mismatch"],
  ["[CAUTH-10] no jti", { jti: undefined }, "claims_invalid"],
  ["an empty jti", { jti: "" }, "claims_invalid"],
  ["jti as a number", { jti: 7 }, "claims_invalid"],
  ["a jti of 2049 characters", { jti: "j".repeat(2049) }, "claims_invalid"],
  ["[CAUTH-10] no iat", { iat: undefined }, "claims_invalid"],
  ["no iat but exp", { iat: undefined, exp: NOW + 60 }, "claims_invalid"],
  ["iat as text", { iat: "now" }, "claims_invalid"],
  ["an old iat", { iat: NOW - 360 }, "credential_expired"],
  [
    "an old iat, whatever exp says",
    { iat: NOW - 360, exp: NOW + 60 },
    "credential_expired",
  ],
  ["an iat to come", { iat: NOW + 61 }, "credential_not_yet_valid"],
  ["an nbf to come", { nbf: NOW + 61 }, "credential_not_yet_valid"],
  ["an exp gone by", { exp: NOW - 60 }, "credential_expired"],
  ["exp as text", { exp: "soon" }, "claims_invalid"],
  ["a challenge of a wrong type", { challenge: 1 }, "claims_invalid"],
];
for (const [name, claims, code] of CLAIMS) {
  test(`wit-proof: refuses ${name}`, async () => {
    const proof = await svid.proof(ISSUER, { claims });
    await assert.rejects(verifyProof(proof), { name: "DcrError", code });
  });
}

test("[CAUTH-10] what a proof may do", async () => {
  for (const claims of [
    { aud: [ISSUER] },
    { iat: NOW - 359 },
    { iat: NOW + 60 },
    { exp: NOW + 86_400 },
    { iss: "spiffe://example.org/another" },
  ])
    await verifyProof(await svid.proof(ISSUER, { claims }));
  const claims = { exp: NOW + 30 };
  const short = await verifyProof(await svid.proof(ISSUER, { claims }));
  assert.equal(short.expiresAt, NOW + 30);
  await verifyProof(await svid.proof(ISSUER, { header: { kid: "holder" } }));
});

test("[CAUTH-10] only the key of this very WIT-SVID makes its proof, with its one algorithm", async () => {
  const another = await mint();
  for (const key of [another.key, authority.key]) {
    const proof = await svid.proof(ISSUER, { key });
    await assert.rejects(verifyProof(proof), { code: "signature_invalid" });
  }
  // A stolen WIT-SVID is worth nothing without its key, and neither is it a proof of itself.
  await assert.rejects(verifyProof(svid.token), { code: "header_invalid" });
  const rsa = await authority.witSvid({}, "RS256");
  const proof = await rsa.proof(ISSUER, { key: svid.key });
  await assert.rejects(verifyWitProof(proof, await verify(rsa.token), WANTED), {
    code: "algorithm_not_allowed",
  });
});

test("[X01] a proof goes with the WIT-SVID of its own trust domain", async () => {
  const other = await FakeWitAuthority.create({
    trustDomain: "other.example",
    now: () => NOW,
  });
  const theirs = await other.witSvid();
  const verified = await verifyWitSvid(
    theirs.token,
    await trustIn([other]),
    REQUIREMENTS,
  );
  await verifyWitProof(await theirs.proof(ISSUER), verified, WANTED);
  await assert.rejects(verifyProof(await theirs.proof(ISSUER)), {
    code: "signature_invalid",
  });
  await assert.rejects(verifyWitSvid(theirs.token, trust, REQUIREMENTS), {
    code: "signature_invalid",
  });
});

test("[SEC-01] any text is a proof or throws a DcrError", async () => {
  const [header, , signature] = (await svid.proof(ISSUER)).split(".");
  const claims = fc
    .dictionary(
      fc.constantFrom("aud", "jti", "iat", "exp", "nbf"),
      fc.jsonValue(),
    )
    .map((value) => Buffer.from(JSON.stringify(value)).toString("base64url"));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.tuple(fc.string(), fc.string(), fc.string()).map((t) => t.join(".")),
        claims.map((payload) => [header, payload, signature].join(".")),
      ),
      async (text) => {
        await assert.rejects(verifyProof(text), DcrError);
      },
    ),
    { numRuns: 300 },
  );
});

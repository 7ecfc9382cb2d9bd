import assert from "node:assert/strict";
import { test } from "node:test";
import { exportJWK } from "jose";
import { bindSdJwt, disclosureDigest, fakeKey } from "@accredit/testkit";
import {
  AUDIENCE,
  CNF,
  holder,
  issuer,
  jwtVc,
  NOW,
  refused,
  sdJwtText,
  sdJwtVc,
  vcJwt,
  verify,
  type Members,
} from "./credential-fixture.ts";

const REQUIRED = { keyBinding: "kb_jwt" } as const;
const PROOF = { aud: AUDIENCE, iat: NOW - 5, nonce: "n" };
const presented = await sdJwtText({ cnf: CNF }, { hidden: ["scope"] });
const bound = (claims: Members = {}, header: Members = {}) =>
  bindSdJwt(presented, holder, { ...PROOF, ...claims }, header);

test("[VC-12] [AMB-11] takes a Key Binding JWT of the holder, asked for or not", async () => {
  for (const keyBinding of ["off", "cnf", "kb_jwt"] as const) {
    const credential = await verify(await bound(), { keyBinding });
    assert.notEqual(credential.keyProof, undefined);
    assert.deepEqual(credential.confirmationJwk, holder.publicJwk);
  }
  assert.equal((await verify(presented)).keyProof, undefined);
});

test("[VC-12] [V10] refuses an SD-JWT whose Key Binding JWT was taken away", async () => {
  await refused(presented, "key_binding_invalid", REQUIRED);
});

test("[VC-12] a format that has no proof of the key satisfies no rule that wants one", async () => {
  for (const token of [await jwtVc({ cnf: CNF }), await vcJwt({ cnf: CNF })]) {
    await verify(token, { keyBinding: "cnf" });
    await refused(token, "key_binding_invalid", REQUIRED);
  }
});

const OTHER = await fakeKey();
const REFUSED: readonly (readonly [
  name: string,
  claims: Members,
  header: Members,
])[] = [
  ["another aud", { aud: "https://as.example" }, {}],
  ["the audience and another", { aud: [AUDIENCE, "https://x"] }, {}],
  ["no aud", { aud: undefined }, {}],
  ["no nonce", { nonce: undefined }, {}],
  ["an empty nonce", { nonce: "" }, {}],
  ["a nonce that is a number", { nonce: 7 }, {}],
  ["another sd_hash", { sd_hash: disclosureDigest("x") }, {}],
  ["no sd_hash", { sd_hash: undefined }, {}],
  [
    "the sd_hash of another hash",
    { sd_hash: disclosureDigest(presented, "sha-512") },
    {},
  ],
  [
    "the sd_hash without the last ~",
    { sd_hash: disclosureDigest(presented.slice(0, -1)) },
    {},
  ],
  ["no iat", { iat: undefined }, {}],
  ["a stale iat", { iat: NOW - 361 }, {}],
  ["an iat to come", { iat: NOW + 61 }, {}],
  ["an iat that is text", { iat: `${NOW}` }, {}],
  ["an exp gone by", { exp: NOW - 60 }, {}],
  ["an nbf to come", { nbf: NOW + 61 }, {}],
  ["typ JWT", {}, { typ: "JWT" }],
  ["no typ", {}, { typ: undefined }],
  ["typ KB+JWT", {}, { typ: "KB+JWT" }],
  ["crit", {}, { b64: true, crit: ["b64"] }],
  ["its own key", {}, { jwk: OTHER.publicJwk }],
];
for (const [name, claims, header] of REFUSED) {
  test(`[VC-12] [V10] refuses a Key Binding JWT with ${name}`, async () => {
    const token = await bound(claims, header);
    for (const keyBinding of ["off", "kb_jwt"] as const)
      await refused(token, "key_binding_invalid", { keyBinding });
  });
}

test("[VC-12] [V10] refuses a Key Binding JWT by another key, the issuer's among them", async () => {
  const [issuerKey] = issuer.keys;
  assert.ok(issuerKey);
  for (const key of [OTHER, issuerKey, await fakeKey("ES384")])
    await refused(
      await bindSdJwt(presented, key, PROOF),
      "key_binding_invalid",
    );
});

test("[VC-12] [V10] refuses a Key Binding JWT made for another presentation", async () => {
  const { issuerJwt } = await sdJwtVc({ cnf: CNF }, { hidden: ["scope"] });
  const proof = (await bound()).slice(presented.length);
  await refused(`${issuerJwt}~${proof}`, "key_binding_invalid");
  await refused(`${presented.split("~")[0]}~${proof}`, "key_binding_invalid");
});

test("[VC-12] sd_hash is made with the hash of the SD-JWT", async () => {
  const token = await sdJwtText({ cnf: CNF, _sd_alg: "sha-512" });
  const hash = disclosureDigest(token, "sha-512");
  const proof = { ...PROOF, sd_hash: hash };
  assert.equal(
    (await verify(await bindSdJwt(token, holder, proof))).keyProof
      ?.expiresAt !== undefined,
    true,
  );
  await refused(await bindSdJwt(token, holder, PROOF), "key_binding_invalid");
});

test("[VC-12] a Key Binding JWT has to be a JWT, and of a key that the credential names", async () => {
  await refused(`${presented}x`, "key_binding_invalid");
  await refused(`${presented}a.b.c`, "key_binding_invalid");
  await refused(
    await bindSdJwt(await sdJwtText(), holder, PROOF),
    "key_binding_invalid",
  );
});

for (const algorithm of ["ES384", "ES512", "EdDSA", "PS256"]) {
  test(`[VC-12] [VC-14] the holder's key may be one for ${algorithm}`, async () => {
    const key = await fakeKey(algorithm);
    const token = await sdJwtText({ cnf: { jwk: key.publicJwk } });
    const { keyProof } = await verify(await bindSdJwt(token, key, PROOF));
    assert.notEqual(keyProof, undefined);
  });
}

const jwk = holder.publicJwk;
const privateJwk = await exportJWK(holder.privateKey);
for (const [name, cnf] of [
  ["text", "x"],
  ["an array", [CNF]],
  ["null", null],
  ["a jwk that is text", { jwk: "x" }],
  ["a private key", { jwk: privateJwk }],
  ["a symmetric key", { jwk: { kty: "oct", k: "AAAA" } }],
  ["a point off the curve", { jwk: { ...jwk, y: jwk.x } }],
  ["a curve that is not allowed", { jwk: { ...jwk, crv: "secp256k1" } }],
  ["a key for encryption", { jwk: { ...jwk, use: "enc" } }],
  ["key_ops without verify", { jwk: { ...jwk, key_ops: ["encrypt"] } }],
  ["a weak RSA key", { jwk: { kty: "RSA", n: "AQAB", e: "AQAB" } }],
  ["an alg that does not fit", { jwk: { ...jwk, alg: "HS256" } }],
] as const) {
  test(`[VC-14] [J14] refuses cnf with ${name}`, async () => {
    for (const token of [
      await jwtVc({ cnf }),
      await vcJwt({ cnf }),
      await sdJwtText({ cnf }),
    ])
      await refused(token, "key_binding_invalid");
  });
}

test("[VC-14] a credential that is bound to a key that it does not hold is not taken", async () => {
  const bare = await sdJwtText({ cnf: undefined });
  assert.equal((await verify(bare)).confirmationJwk, undefined);
  await refused(bare, "key_binding_invalid", { keyBinding: "cnf" });
  for (const cnf of [
    {},
    { jkt: "x" },
    { kid: "x" },
    { jku: "https://127.0.0.1/" },
  ]) {
    const token = await sdJwtText({ cnf });
    for (const keyBinding of ["off", "cnf"] as const)
      await refused(token, "key_binding_invalid", { keyBinding });
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DcrErrorCode } from "@accredit/core/errors";
import {
  AUDIENCE,
  CNF,
  GOOD_JWT_VC,
  holder,
  issuer,
  jwtVc,
  NOW,
  refused,
  SUBJECT,
  verify,
  withVc,
  type Members,
} from "./credential-fixture.ts";

test("[DCR-TI-10] [VC-03] reads a VC-JWT of the data model 1.1", async () => {
  const credential = await verify(
    await jwtVc({ cnf: CNF, aud: AUDIENCE, iat: NOW - 10 }),
  );
  const { fingerprint, claims, confirmationJwk, ...rest } = credential;
  assert.deepEqual(rest, {
    kind: "vc",
    format: "jwt_vc",
    issuer: issuer.issuer,
    subject: SUBJECT,
    credentialId: "urn:example:1",
    types: ["SoftwareCredential"],
    algorithm: "ES256",
    keyId: issuer.keys[0]?.kid,
    issuedAt: NOW - 10,
    expiresAt: NOW + 3600,
    audience: AUDIENCE,
    keyProof: undefined,
    status: [],
    tokenId: "urn:example:1",
  });
  assert.deepEqual({ ...claims }, { client_name: "Agent 7", scope: "read" });
  assert.deepEqual(confirmationJwk, holder.publicJwk);
  assert.match(fingerprint, /^[\w-]{43}$/);
});

const iso = (seconds: number) =>
  new Date(seconds * 1000).toISOString().replace(".000", "");

for (const [name, claims] of [
  ["no typ", { typ: undefined }],
  ["an agreeing issuer", withVc({ issuer: issuer.issuer })],
  ["an issuer object", withVc({ issuer: { id: issuer.issuer, name: "I" } })],
  ["an agreeing subject", withVc({ credentialSubject: { id: SUBJECT } })],
  [
    "the subject in the credential alone",
    withVc({ credentialSubject: { id: SUBJECT } }, { sub: undefined }),
  ],
  ["one subject in an array", withVc({ credentialSubject: [{ id: SUBJECT }] })],
  ["an agreeing id", withVc({ id: "urn:example:1" })],
  ["an agreeing expirationDate", withVc({ expirationDate: iso(NOW + 3600) })],
  [
    "an expirationDate with a fraction",
    withVc({ expirationDate: iso(NOW + 3600).replace("Z", ".25Z") }),
  ],
  [
    "an agreeing issuanceDate in another zone",
    withVc({
      issuanceDate: iso(NOW - 100 + 7200).replace("Z", "+02:00"),
    }),
  ],
  ["claims and properties nobody knows", withVc({ x: 1 }, { y: { z: 2 } })],
  [
    "a schema and a vct that are never fetched [V11]",
    withVc({
      credentialSchema: { id: "http://127.0.0.1/", type: "JsonSchema" },
    }),
  ],
] as readonly (readonly [string, Members])[]) {
  test(`[VC-03] [VC-08] takes a VC-JWT with ${name}`, async () => {
    assert.equal((await verify(await jwtVc(claims))).subject, SUBJECT);
  });
}

const V2 = "https://www.w3.org/ns/credentials/v2";
const REFUSED: readonly (readonly [
  name: string,
  claims: Members,
  code: DcrErrorCode,
])[] = [
  [
    "another issuer [V01]",
    withVc({ issuer: "https://x" }),
    "credential_conflict",
  ],
  [
    "another issuer object [V01]",
    withVc({ issuer: { id: "https://x" } }),
    "credential_conflict",
  ],
  [
    "an issuer object without id [V01]",
    withVc({ issuer: {} }),
    "claims_invalid",
  ],
  [
    "an issuer that is an array",
    withVc({ issuer: [issuer.issuer] }),
    "claims_invalid",
  ],
  [
    "another subject [V01]",
    withVc({ credentialSubject: { id: "did:x:y" } }),
    "credential_conflict",
  ],
  ["another id [V01]", withVc({ id: "urn:example:9" }), "credential_conflict"],
  [
    "another expirationDate [V01]",
    withVc({ expirationDate: iso(NOW + 3599) }),
    "credential_conflict",
  ],
  [
    "another issuanceDate [V01]",
    withVc({ issuanceDate: iso(NOW - 99) }),
    "credential_conflict",
  ],
  [
    "an expirationDate that is a number",
    withVc({ expirationDate: NOW + 3600 }),
    "claims_invalid",
  ],
  [
    "an expirationDate without exp",
    withVc({ expirationDate: iso(NOW + 3600) }, { exp: undefined }),
    "claims_invalid",
  ],
  ["no exp [VC-07] [T01]", { exp: undefined }, "claims_invalid"],
  [
    "an issuanceDate to come",
    withVc({ issuanceDate: iso(NOW + 61) }, { nbf: undefined }),
    "credential_not_yet_valid",
  ],
  ["no @context [V02]", withVc({ "@context": undefined }), "claims_invalid"],
  [
    "a @context that is no array [V02]",
    withVc({ "@context": "https://www.w3.org/2018/credentials/v1" }),
    "claims_invalid",
  ],
  [
    "a @context of the data model 2.0 [V02]",
    withVc({ "@context": [V2] }),
    "claims_invalid",
  ],
  ["no type [V02]", withVc({ type: undefined }), "claims_invalid"],
  [
    "a type without VerifiableCredential [V02]",
    withVc({ type: ["SoftwareCredential"] }),
    "claims_invalid",
  ],
  [
    "a type that is a number [V02]",
    withVc({ type: ["VerifiableCredential", 1] }),
    "claims_invalid",
  ],
  [
    "two subjects [V05]",
    withVc({ credentialSubject: [{ id: SUBJECT }, { id: SUBJECT }] }),
    "claims_invalid",
  ],
  ["no subject [V05]", withVc({ credentialSubject: [] }), "claims_invalid"],
  [
    "a subject that is text [V05]",
    withVc({ credentialSubject: SUBJECT }),
    "claims_invalid",
  ],
  [
    "metadata in vc too [V05] [AMB-14]",
    withVc({ scope: "read" }),
    "credential_conflict",
  ],
  [
    "metadata among the claims too [V05] [AMB-14]",
    { scope: "read" },
    "credential_conflict",
  ],
  [
    "metadata in another language among the claims [AMB-14]",
    { "client_name#ja": "x" },
    "credential_conflict",
  ],
  ["a vp claim", { vp: {} }, "claims_invalid"],
  ["no sub at all [T10]", { sub: undefined }, "claims_invalid"],
];

for (const [name, claims, code] of REFUSED) {
  test(`[VC-03] refuses a VC-JWT with ${name}`, async () => {
    await refused(await jwtVc(claims), code);
  });
}

for (const sub of [[], {}, 7, "", null, "a b", "a\n", "é", "x".repeat(3072)]) {
  test(`[T10] refuses sub ${JSON.stringify(sub).slice(0, 20)}`, async () => {
    await refused(await jwtVc({ sub }), "claims_invalid");
  });
}

for (const iss of [
  undefined,
  [],
  null,
  {},
  7,
  "",
  ["https://issuer.example"],
]) {
  test(`[VC-01] refuses iss ${JSON.stringify(iss)}`, async () => {
    await refused(await jwtVc({ iss }), "claims_invalid");
  });
}

test("[VC-03] a vc claim that is no object makes no credential", async () => {
  for (const vc of ["x", [], null, 7])
    await refused(
      await issuer.jwtVc({ ...GOOD_JWT_VC, vc }),
      "credential_kind_unsupported",
    );
});

test("[VC-03] typ JOSE is not among the two that a VC-JWT may have", async () => {
  await refused(await jwtVc({}, { typ: "JOSE" }), "header_invalid");
  await refused(await jwtVc({}, { typ: "jwt" }), "header_invalid");
});

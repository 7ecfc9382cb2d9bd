import assert from "node:assert/strict";
import { test } from "node:test";
import type { DcrErrorCode } from "@accredit/core/errors";
import { verifyCredential } from "@accredit/core/vc";
import { credentialTrust } from "@accredit/testkit";
import {
  AUDIENCE,
  GOOD_VC_JWT,
  issuer,
  NOW,
  refused,
  REQUIREMENTS,
  SUBJECT,
  vcJwt,
  verify,
  type Members,
} from "./credential-fixture.ts";

test("[DCR-TI-10] [VC-05] reads a vc+jwt of the data model 2.0", async () => {
  const { fingerprint, claims, ...rest } = await verify(await vcJwt({}));
  assert.deepEqual(rest, {
    kind: "vc",
    format: "vc+jwt",
    issuer: issuer.issuer,
    subject: SUBJECT,
    credentialId: "urn:example:2",
    types: ["SoftwareCredential"],
    algorithm: "ES256",
    keyId: issuer.keys[0]?.kid,
    issuedAt: undefined,
    expiresAt: NOW + 3600,
    audience: undefined,
    confirmationJwk: undefined,
    keyProof: undefined,
    status: [],
    tokenId: undefined,
  });
  assert.deepEqual(
    { ...claims },
    { id: SUBJECT, client_name: "Agent 7", scope: "read" },
  );
  assert.match(fingerprint, /^[\w-]{43}$/);
});

const SUBJECT_OBJECT = GOOD_VC_JWT["credentialSubject"] as Members;

for (const [name, claims, header] of [
  ["an issuer object", { issuer: { id: issuer.issuer, name: "I" } }, {}],
  [
    "an agreeing iss and no kid [VC-06]",
    { iss: issuer.issuer },
    { kid: undefined },
  ],
  ["agreeing sub and jti", { sub: SUBJECT, jti: "urn:example:2" }, {}],
  ["one subject in an array", { credentialSubject: [SUBJECT_OBJECT] }, {}],
  ["exp and no validUntil", { validUntil: undefined, exp: NOW + 10 }, {}],
  ["validUntil and no validFrom", { validFrom: undefined }, {}],
  ["cty vc", {}, { cty: "vc" }],
  [
    "a name at both places, which is no metadata",
    { name: "n", credentialSubject: { ...SUBJECT_OBJECT, name: "m" } },
    {},
  ],
  ["aud of this endpoint", { aud: [AUDIENCE] }, {}],
  ["properties nobody knows [VC-08]", { x: { y: 1 } }, { foo: "bar" }],
] as readonly (readonly [string, Members, Members])[]) {
  test(`[VC-05] takes a vc+jwt with ${name}`, async () => {
    assert.equal((await verify(await vcJwt(claims, header))).subject, SUBJECT);
  });
}

const REFUSED: readonly (readonly [
  name: string,
  claims: Members,
  code: DcrErrorCode,
])[] = [
  ["a vc claim [VC-04] [V02]", { vc: "oops" }, "claims_invalid"],
  ["a vp claim [VC-04]", { vp: {} }, "claims_invalid"],
  [
    "the context of the data model 1.1 [V02]",
    { "@context": ["https://www.w3.org/2018/credentials/v1"] },
    "claims_invalid",
  ],
  [
    "the right context second [V02]",
    {
      "@context": ["https://x.example", "https://www.w3.org/ns/credentials/v2"],
    },
    "claims_invalid",
  ],
  [
    "a context that is text [V02]",
    { "@context": "https://www.w3.org/ns/credentials/v2" },
    "claims_invalid",
  ],
  ["no context in it [V02]", { "@context": [] }, "claims_invalid"],
  ["no type [V02]", { type: undefined }, "claims_invalid"],
  [
    "a type without VerifiableCredential [V02]",
    { type: ["SoftwareCredential"] },
    "claims_invalid",
  ],
  ["no issuer", { issuer: undefined }, "claims_invalid"],
  [
    "no issuer but an iss",
    { issuer: undefined, iss: issuer.issuer },
    "claims_invalid",
  ],
  ["an issuer without id", { issuer: { name: "I" } }, "claims_invalid"],
  [
    "another iss [VC-06] [V01]",
    { iss: "https://other.example" },
    "credential_conflict",
  ],
  ["another sub [V01]", { sub: "did:example:x" }, "credential_conflict"],
  ["another jti [V01]", { jti: "urn:example:x" }, "credential_conflict"],
  ["a jti and no id", { id: undefined, jti: 7 }, "claims_invalid"],
  [
    "two subjects [V05]",
    { credentialSubject: [SUBJECT_OBJECT, SUBJECT_OBJECT] },
    "claims_invalid",
  ],
  ["no subject [V05]", { credentialSubject: undefined }, "claims_invalid"],
  [
    "a subject without id",
    { credentialSubject: { scope: "read" } },
    "claims_invalid",
  ],
  [
    "a subject without id but a sub",
    { credentialSubject: { scope: "read" }, sub: SUBJECT },
    "claims_invalid",
  ],
  [
    "metadata outside the subject too [V05] [AMB-14]",
    { scope: "read" },
    "credential_conflict",
  ],
  [
    "neither validUntil nor exp [VC-07] [T01]",
    { validUntil: undefined },
    "claims_invalid",
  ],
  ["an id that is a number", { id: 7 }, "claims_invalid"],
  ["an iat that is text", { iat: "2026-01-01T00:00:00Z" }, "claims_invalid"],
];

for (const [name, claims, code] of REFUSED) {
  test(`[VC-05] refuses a vc+jwt with ${name}`, async () => {
    await refused(await vcJwt(claims), code);
  });
}

test("[VC-06] without iss the kid has to be there, and an absolute URL", async () => {
  await refused(await vcJwt({}, { kid: undefined }), "key_id_missing");
  for (const kid of ["#key-1", "key-1", "/key-1", "1:x"])
    await refused(await vcJwt({}, { kid }), "header_invalid");
});

test("[VC-06] the key of an issuer that is a DID is named, iss or not", async () => {
  const did = "did:web:issuer.example";
  const trusted = issuer.trusted({ issuer: did });
  for (const claims of [{ issuer: did }, { issuer: did, iss: did }]) {
    await assert.rejects(
      verifyCredential(
        await vcJwt(claims, { kid: undefined }),
        credentialTrust([trusted]),
        REQUIREMENTS,
      ),
      { code: "key_id_missing" },
    );
  }
});

test("[VC-09] a schema of whatever type is passed over and never fetched", async () => {
  const credentialSchema = { id: "http://127.0.0.1:1/", type: "JsonSchema" };
  await verify(await vcJwt({ credentialSchema }));
});

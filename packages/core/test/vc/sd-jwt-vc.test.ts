import assert from "node:assert/strict";
import { test } from "node:test";
import type { DcrErrorCode } from "@accredit/core/errors";
import { OPEN_CLAIMS } from "../../src/vc/sd-jwt-vc.ts";
import {
  CNF,
  GOOD_SD_JWT_VC,
  issuer,
  jwtVc,
  NOW,
  refused,
  sdJwtText,
  sdJwtVc,
  SUBJECT,
  vcJwt,
  verify,
  withVc,
  type Members,
} from "./credential-fixture.ts";

test("[DCR-TI-10] [VC-10] reads an SD-JWT VC and what its disclosures disclose", async () => {
  const { fingerprint, claims, ...rest } = await verify(
    await sdJwtText({ jti: "urn:example:3" }, { hidden: ["scope", "sub"] }),
  );
  assert.deepEqual(rest, {
    kind: "vc",
    format: "dc+sd-jwt",
    issuer: issuer.issuer,
    subject: SUBJECT,
    credentialId: "urn:example:3",
    types: [GOOD_SD_JWT_VC["vct"]],
    algorithm: "ES256",
    keyId: issuer.keys[0]?.kid,
    issuedAt: NOW - 100,
    expiresAt: NOW + 3600,
    audience: undefined,
    confirmationJwk: undefined,
    keyProof: undefined,
    status: [],
    tokenId: "urn:example:3",
  });
  assert.deepEqual({ ...claims }, { ...GOOD_SD_JWT_VC, jti: "urn:example:3" });
  assert.match(fingerprint, /^[\w-]{43}$/);
});

test("[VC-10] an SD-JWT VC may hide nothing", async () => {
  assert.equal((await verify(await sdJwtText())).subject, SUBJECT);
});

test("[VC-11] what is hidden and not disclosed is not there", async () => {
  const { claims } = await verify(
    await sdJwtText(
      {},
      { hidden: ["scope", "client_name"], disclosed: ["scope"] },
    ),
  );
  assert.equal(claims["scope"], "read");
  assert.deepEqual(
    ["client_name", "_sd", "_sd_alg"].filter((name) => name in claims),
    [],
  );
  await refused(
    await sdJwtText({}, { hidden: ["sub"], disclosed: [] }),
    "claims_invalid",
  );
});

test("[VC-11] one credential has one fingerprint, whatever is disclosed of it", async () => {
  const { issuerJwt, disclosures } = await sdJwtVc({}, { hidden: ["scope"] });
  const { fingerprint } = await verify(`${issuerJwt}~`);
  assert.equal(
    (await verify([issuerJwt, ...disclosures, ""].join("~"))).fingerprint,
    fingerprint,
  );
});

const PROTECTED: Members = {
  nbf: NOW - 100,
  cnf: CNF,
  "vct#integrity": "sha256-x",
  aka_vcts: ["https://issuer.example/types/agent"],
  status: { status_list: { idx: 1, uri: "https://issuer.example/status" } },
};
for (const name of OPEN_CLAIMS) {
  test(`[VC-10] refuses ${name} behind a digest`, async () => {
    // What stays hidden is absent to us; of what is disclosed we can say that it should not have been.
    const token = await sdJwtText(PROTECTED, { hidden: [name] });
    await refused(
      token,
      name === "iss" ? "claims_invalid" : "disclosure_invalid",
    );
  });
}

test("[VC-10] claims that have to be open hide no part of themselves", async () => {
  const digest = "A".repeat(43);
  for (const claims of [
    { cnf: { ...CNF, _sd: [digest] } },
    { cnf: { jwk: { ...CNF.jwk, _sd: [digest] } } },
    { status: { _sd: [digest] } },
    { aka_vcts: [{ "...": digest }] },
  ])
    await refused(await sdJwtText(claims), "disclosure_invalid");
});

const REFUSED: readonly (readonly [
  name: string,
  claims: Members,
  code: DcrErrorCode,
])[] = [
  ["no vct", { vct: undefined }, "claims_invalid"],
  ["a vct that is an array", { vct: ["x"] }, "claims_invalid"],
  ["an empty vct", { vct: "" }, "claims_invalid"],
  ["no iss", { iss: undefined }, "claims_invalid"],
  ["no sub", { sub: undefined }, "claims_invalid"],
  ["no exp [VC-07] [T01]", { exp: undefined }, "claims_invalid"],
  ["a vc claim", { vc: {} }, "claims_invalid"],
  ["a vp claim", { vp: {} }, "claims_invalid"],
  ["aka_vcts that are no array", { aka_vcts: "x" }, "claims_invalid"],
  ["aka_vcts of numbers", { aka_vcts: [1] }, "claims_invalid"],
  [
    "metadata in a subject too [V05] [AMB-14]",
    { credentialSubject: { scope: "x" } },
    "credential_conflict",
  ],
];
for (const [name, claims, code] of REFUSED) {
  test(`[VC-10] refuses an SD-JWT VC with ${name}`, async () => {
    await refused(await sdJwtText(claims), code);
  });
}

test("[VC-13] aka_vcts open the gate too", async () => {
  const claims = {
    vct: "https://issuer.example/types/agent",
    aka_vcts: [GOOD_SD_JWT_VC["vct"]],
  };
  assert.deepEqual((await verify(await sdJwtText(claims))).types, [
    claims.vct,
    ...claims.aka_vcts,
  ]);
});

test("[V11] vct is a name: whatever it points to is not fetched", async () => {
  const vct = "http://127.0.0.1:1/type";
  const claims = { vct, extends: vct, "vct#integrity": "sha256-x" };
  await refused(await sdJwtText(claims), "credential_type_not_allowed");
  assert.deepEqual(
    (await verify(await sdJwtText(claims), { types: [vct] })).types,
    [vct],
  );
});

test("[AMB-14] metadata stands where its format has it, and is none elsewhere", async () => {
  const elsewhere = { scope: "admin" };
  const subject = { id: SUBJECT, client_name: "Agent 7" };
  for (const token of [
    await jwtVc(withVc({ credentialSubject: subject }, elsewhere)),
    await jwtVc(withVc({ credentialSubject: subject, ...elsewhere })),
    await vcJwt({ credentialSubject: subject, ...elsewhere }),
  ])
    assert.deepEqual({ ...(await verify(token)).claims }, subject);
  const { claims } = await verify(
    await sdJwtText({ scope: undefined, credentialSubject: elsewhere }),
  );
  assert.equal(claims["scope"], undefined);
});

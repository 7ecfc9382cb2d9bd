import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CREDENTIAL_CHECKS,
  detectCredentialKind,
  type CredentialKind,
} from "@accredit/core/vc";
import type { CheckResult } from "@accredit/core/credential";
import {
  GOOD_JWT_VC,
  GOOD_SD_JWT_VC,
  GOOD_VC_JWT,
  issuer,
  refused,
  sdJwtText,
  sdJwtVc,
  verify,
  type Members,
} from "./credential-fixture.ts";

const SVID = { sub: "spiffe://example.org/a", exp: 1 };

const KINDS: readonly (readonly [
  name: string,
  claims: Members,
  typ: string | undefined,
  kind: CredentialKind,
])[] = [
  ["untyped with vc", GOOD_JWT_VC, undefined, "jwt_vc"],
  ["JWT with vc", GOOD_JWT_VC, "JWT", "jwt_vc"],
  ["JWT with vc in another case", GOOD_JWT_VC, "jwt", "jwt_vc"],
  ["JOSE with vc", GOOD_JWT_VC, "JOSE", "jwt_vc"],
  [
    "a vc claim beside a SPIFFE ID",
    { ...GOOD_JWT_VC, ...SVID },
    "JWT",
    "jwt_vc",
  ],
  ["untyped without vc", SVID, undefined, "jwt-svid"],
  ["JOSE without vc", SVID, "JOSE", "jwt-svid"],
  ["JWT whose vc is no object", { ...SVID, vc: "x" }, "JWT", "jwt-svid"],
  ["vc+jwt", GOOD_VC_JWT, "vc+jwt", "vc+jwt"],
  ["application/vc+jwt", GOOD_VC_JWT, "application/vc+jwt", "vc+jwt"],
  ["VC+JWT", GOOD_VC_JWT, "VC+JWT", "vc+jwt"],
  ["vc+jwt with a vc claim", GOOD_JWT_VC, "vc+jwt", "vc+jwt"],
];

for (const [name, claims, typ, kind] of KINDS) {
  test(`[DCR-TI-18] the kind of ${name} is ${kind}`, async () => {
    const token = await issuer.sign(claims, { typ });
    assert.equal(detectCredentialKind(token), kind);
  });
}

for (const typ of ["dc+sd-jwt", "vc+sd-jwt", "application/dc+sd-jwt"]) {
  test(`[DCR-TI-18] [VC-10] ${typ} with ~ is an SD-JWT VC`, async () => {
    const token = await sdJwtText({}, { header: { typ } });
    assert.equal(detectCredentialKind(token), "dc+sd-jwt");
    assert.equal((await verify(token)).format, "dc+sd-jwt");
  });
}

for (const typ of [
  "at+jwt",
  "dpop+jwt",
  "wit+jwt",
  "statuslist+jwt",
  "kb+jwt",
  "oauth-client-attestation+jwt",
  "logout+jwt",
  "secevent+jwt",
  "vc+ld+jwt",
  "vp+jwt",
  "vc+cose",
  "application/application/vc+jwt",
  "vc+jwt ",
  "",
  7,
  null,
  ["vc+jwt"],
]) {
  test(`[DCR-TI-18] [J22] refuses typ ${JSON.stringify(typ)}`, async () => {
    for (const claims of [GOOD_JWT_VC, GOOD_VC_JWT, GOOD_SD_JWT_VC, SVID]) {
      const token = await issuer.sign(claims, { typ });
      const code = "credential_kind_unsupported";
      assert.throws(() => detectCredentialKind(token), { code });
      await refused(token, code);
    }
  });
}

test("[DCR-TI-18] an SD-JWT says so twice, by its ~ and by its typ", async () => {
  const { issuerJwt } = await sdJwtVc();
  await refused(issuerJwt, "credential_kind_unsupported");
  for (const typ of ["vc+jwt", "JWT", undefined]) {
    await refused(
      await sdJwtText({}, { header: { typ } }),
      "credential_kind_unsupported",
    );
  }
});

test("[DCR-TI-18] a credential under another's typ is judged as what it says it is", async () => {
  await refused(await issuer.vcJwt(GOOD_JWT_VC), "credential_kind_unsupported");
  await refused(await issuer.jwtVc(GOOD_VC_JWT), "credential_kind_unsupported");
  await refused(
    (await issuer.sdJwtVc(GOOD_VC_JWT)).presented,
    "claims_invalid",
  );
  await refused(
    (await issuer.sdJwtVc(GOOD_JWT_VC)).presented,
    "claims_invalid",
  );
});

test("[AMB-13] plain claims as vc+jwt only where the profile is on", async () => {
  const token = await issuer.vcJwt(GOOD_SD_JWT_VC);
  await refused(token, "credential_kind_unsupported");
  const { format, types } = await verify(token, {}, { profiles: ["vcj23"] });
  assert.equal(format, "vc+jwt");
  assert.deepEqual(types, [GOOD_SD_JWT_VC["vct"]]);
  await refused(
    await issuer.vcJwt(GOOD_VC_JWT),
    "credential_kind_unsupported",
    {},
    { profiles: ["vcj23"] },
  );
});

test("[VC-02] [J17] [J19] refuses what is no compact JWS or SD-JWT, before it is read", async () => {
  const token = await sdJwtText();
  const { issuerJwt } = await sdJwtVc();
  for (const [statement, code] of [
    ["", "statement_malformed"],
    ["~", "statement_malformed"],
    [`~${token}`, "statement_malformed"],
    [`${issuerJwt}.x~`, "statement_malformed"],
    [`${issuerJwt}.a.b`, "statement_malformed"],
    [`${issuerJwt}~~`, "disclosure_invalid"],
    [".".repeat(16 * 1024), "statement_malformed"],
    ["~".repeat(16 * 1024), "statement_malformed"],
    [`${issuerJwt}${"~".repeat(202)}`, "statement_malformed"],
    ["~".repeat(16 * 1024 + 1), "statement_too_large"],
    [".".repeat(1_000_000), "statement_too_large"],
  ] as const)
    await refused(statement, code);
});

test("[DCR-TI-18] explain hears why a kind is none, and nothing where it is one", async () => {
  const heard: CheckResult[] = [];
  const token = await issuer.sign(GOOD_JWT_VC, { typ: "at+jwt" });
  assert.throws(() =>
    detectCredentialKind(token, (result) => heard.push(result)),
  );
  assert.deepEqual(
    heard.map(({ check, verdict, requirement }) => [
      check,
      verdict,
      requirement,
    ]),
    [["kind", "fail", "DCR-TI-18"]],
  );
  detectCredentialKind(await issuer.jwtVc(GOOD_JWT_VC), () => assert.fail());
});

test("[DCR-TI-01] explain hears each check once and in order, up to the one that fails", async () => {
  const heard: CheckResult[] = [];
  const onCheck = (result: CheckResult) => heard.push(result);
  await verify(await sdJwtText(), {}, { onCheck });
  assert.deepEqual(
    heard.map(({ check, requirement }) => [check, requirement]),
    Object.entries(CREDENTIAL_CHECKS),
  );
  assert.ok(heard.every(({ verdict }) => verdict === "pass"));

  heard.length = 0;
  const [header, payload] = (await issuer.jwtVc(GOOD_JWT_VC)).split(".");
  await refused(
    `${header}.${payload}.AAAA`,
    "signature_invalid",
    {},
    { onCheck },
  );
  assert.deepEqual(
    heard.map(({ check, verdict }) => `${check} ${verdict}`),
    [
      ..."form kind header algorithm trust format key"
        .split(" ")
        .map((check) => `${check} pass`),
      "signature fail",
    ],
  );
});

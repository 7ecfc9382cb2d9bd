import assert from "node:assert/strict";
import { test } from "node:test";
import type { DcrError } from "@accredit/core/errors";
import {
  JWT_SPIFFE_ASSERTION_TYPE,
  verifyClientAssertion,
  verifySoftwareStatement,
  type CheckResult,
} from "@accredit/core/credential";
import {
  authenticate,
  authority,
  GOOD,
  ISSUER,
  REQUIREMENTS,
  trust,
  verify,
} from "../spiffe/jwt-svid-fixture.ts";

test("[DCR-TI-18] [A01] what is another kind of credential is refused by both endpoints, before any key is chosen", async () => {
  const never = {
    spiffe: () => assert.fail("the kind comes before the trust source"),
  };
  const token = await authority.jwtSvid(GOOD);
  const typed = (typ: string) => authority.jwtSvid(GOOD, { typ });
  for (const statement of [
    `${token}~`,
    `${token}~WyJhIl0~`,
    "~",
    await typed("vc+jwt"),
    await typed("vc+ld+jwt"),
    await typed("dc+sd-jwt"),
    await typed("vc+sd-jwt"),
    await authority.jwtSvid({
      ...GOOD,
      vc: { type: ["VerifiableCredential"] },
    }),
  ]) {
    await assert.rejects(
      verifyClientAssertion(statement, never, REQUIREMENTS),
      {
        code: "credential_kind_unsupported",
        message: /^expected a JWT-SVID/,
      },
    );
    // As statements they are Verifiable Credentials, of an issuer that nobody trusts, or none at all.
    await assert.rejects(
      verifySoftwareStatement(statement, never, REQUIREMENTS),
      (error: DcrError) => error.code !== "signature_invalid",
    );
  }
  for (const statement of [
    await typed("wit+jwt"),
    await typed("at+jwt"),
    await typed("dpop+jwt"),
    await typed("kb+jwt"),
    await typed("oauth-client-attestation+jwt"),
    await typed("application/jwt"),
  ]) {
    for (const check of [verifySoftwareStatement, verifyClientAssertion]) {
      await assert.rejects(check(statement, never, REQUIREMENTS), {
        code: "credential_kind_unsupported",
      });
    }
  }
});

test("[DCR-TI-18] the listener hears of another kind too", async () => {
  for (const statement of [await authority.jwtSvid(GOOD, { typ: "x" })]) {
    const heard: CheckResult[] = [];
    const onCheck = (result: CheckResult) => heard.push(result);
    await assert.rejects(
      verifySoftwareStatement(statement, trust, { ...REQUIREMENTS, onCheck }),
    );
    const { check, verdict, requirement } = heard.at(-1) ?? {};
    assert.deepEqual(
      [check, verdict, requirement],
      ["kind", "fail", "DCR-TI-18"],
    );
  }
});

test("[SEC-04] [CAUTH-04] a statement is no assertion and an assertion no statement", async () => {
  const assertion = await authority.jwtSvid({ ...GOOD, aud: ISSUER });
  await authenticate(assertion);
  await assert.rejects(verify(assertion), { code: "audience_mismatch" });
  const statement = await authority.jwtSvid(GOOD);
  await verify(statement);
  await assert.rejects(authenticate(statement), { code: "audience_mismatch" });
});

test("[CAUTH-02] the assertion type has the draft's name", () => {
  assert.equal(
    JWT_SPIFFE_ASSERTION_TYPE,
    "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
  );
});

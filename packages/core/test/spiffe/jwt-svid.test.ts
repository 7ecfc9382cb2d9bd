import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  verifySoftwareStatement,
  type CheckResult,
} from "@accredit/core/credential";
import { DcrError } from "@accredit/core/errors";
import { JWT_SVID_CHECKS } from "@accredit/core/spiffe";
import { FakeAuthority } from "@accredit/testkit";
import {
  AUDIENCE,
  authority,
  GOOD,
  NOW,
  REQUIREMENTS,
  SUBJECT,
  trust,
  verify,
} from "./jwt-svid-fixture.ts";

test("[DCR-TI-02] [SVID-06] accepts a JWT-SVID of a trusted domain and says who it is", async () => {
  const credential = await verify(
    await authority.jwtSvid({ ...GOOD, scope: "read" }),
  );
  assert.equal(credential.subject.uri, SUBJECT);
  assert.equal(credential.claims["scope"], "read");
  assert.equal(credential.audience, AUDIENCE);
  assert.equal(credential.algorithm, "ES256");
  assert.equal(credential.issuer, GOOD.iss);
  assert.equal(credential.issuedAt, GOOD.iat);
  assert.equal(credential.expiresAt, GOOD.exp);
  assert.equal(credential.keyId, authority.keys[0]?.kid);
  assert.equal(credential.tokenId, undefined);
});

test("[SEC-05] the fingerprint names what was signed, whatever signature it carries", async () => {
  const [one, two] = [
    await authority.jwtSvid(GOOD),
    await authority.jwtSvid(GOOD),
  ];
  assert.notEqual(one, two);
  const { fingerprint } = await verify(one);
  assert.equal((await verify(two)).fingerprint, fingerprint);
  assert.equal(
    fingerprint,
    createHash("sha256")
      .update(one.slice(0, one.lastIndexOf(".")))
      .digest("base64url"),
  );
});

test("[DCR-TI-01] of a token wrong in every way, the first stage that fails speaks", async () => {
  const wrong = {
    sub: SUBJECT,
    iss: "https://attacker.example",
    aud: "x",
    exp: 1,
    iat: 2,
  };
  const forger = await FakeAuthority.create({ trustDomain: "example.org" });
  // Its first key has the kid of the real one's first.
  assert.equal(forger.keys[0]?.kid, authority.keys[0]?.kid);
  for (const [token, code] of [
    [
      await forger.jwtSvid({ ...wrong, sub: "x" }, { typ: "x", alg: "ES256" }),
      "credential_kind_unsupported",
    ],
    [
      await forger.jwtSvid({ ...wrong, sub: "x" }, { jku: "x" }),
      "header_invalid",
    ],
    [await forger.jwtSvid({ ...wrong, sub: "x" }), "subject_invalid"],
    [
      await forger.jwtSvid({ ...wrong, sub: "spiffe://unknown.example/a" }),
      "issuer_untrusted",
    ],
    [await forger.jwtSvid(wrong, { kid: "nobody" }), "key_not_found"],
    [await forger.jwtSvid(wrong), "signature_invalid"],
    [await authority.jwtSvid(wrong), "credential_expired"],
    [
      await authority.jwtSvid({ ...wrong, iat: NOW, exp: NOW + 9 }),
      "audience_mismatch",
    ],
    [await authority.jwtSvid({ ...GOOD, iss: wrong.iss }), "issuer_mismatch"],
  ] as const) {
    await assert.rejects(verify(token), { code });
  }
});

test("[DCR-TI-01] the listener hears every named check of a good token pass", async () => {
  const heard: CheckResult[] = [];
  await verifySoftwareStatement(await authority.jwtSvid(GOOD), trust, {
    ...REQUIREMENTS,
    onCheck: (result) => heard.push(result),
  });
  assert.deepEqual(
    heard.map(({ check, verdict, requirement }) => [
      check,
      verdict,
      requirement,
    ]),
    Object.entries(JWT_SVID_CHECKS).map(([check, requirement]) => [
      check,
      "pass",
      requirement,
    ]),
  );
});

test("[DCR-TI-01] the listener hears each check in order, and the one that failed last", async () => {
  const heard: string[] = [];
  const token = await authority.jwtSvid({ ...GOOD, aud: "x" });
  await assert.rejects(
    verifySoftwareStatement(token, trust, {
      ...REQUIREMENTS,
      onCheck: ({ check, verdict }) => heard.push(`${check} ${verdict}`),
    }),
  );
  const names = Object.keys(JWT_SVID_CHECKS);
  const expected = names
    .slice(0, names.indexOf("audience"))
    .map((name) => `${name} pass`);
  assert.deepEqual(heard, [...expected, "audience fail"]);
});

test("[SEC-05] [SVID-01] whatever the text, only a DcrError is thrown, and it quotes none of the token", async () => {
  const good = await authority.jwtSvid(GOOD);
  const mutation = fc.record({
    at: fc.nat(good.length),
    length: fc.nat(20),
    text: fc.string({ maxLength: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ maxLength: 300 }),
        mutation.map(
          ({ at, length, text }) =>
            good.slice(0, at) + text + good.slice(at + length),
        ),
      ),
      async (token) => {
        try {
          await verify(token);
          assert.equal(token, good);
        } catch (error) {
          assert.ok(error instanceof DcrError, String(error));
          for (const segment of token.split(".")) {
            assert.ok(
              segment.length < 20 ||
                !error.message.includes(segment.slice(0, 20)),
              error.message,
            );
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("[SEC-05] [T02] [T05] [T10] [T11] whatever a well-signed token claims, it passes or a DcrError says why", async () => {
  const claim = fc.oneof(
    fc.constant(undefined),
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<unknown>(NOW, NOW + 60, SUBJECT, AUDIENCE, [AUDIENCE]),
  );
  const claims = fc.record(
    { sub: claim, iss: claim, aud: claim, exp: claim, iat: claim, nbf: claim },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(claims, async (change) => {
      const token = await authority.jwtSvid({ ...GOOD, ...change });
      try {
        const { subject, audience, expiresAt } = await verify(token);
        assert.equal(subject.trustDomain, "example.org");
        assert.equal(audience, AUDIENCE);
        assert.ok(expiresAt > NOW - REQUIREMENTS.clockToleranceSeconds);
      } catch (error) {
        assert.ok(error instanceof DcrError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});

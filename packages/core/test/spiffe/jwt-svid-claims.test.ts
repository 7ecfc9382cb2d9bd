import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DcrError, type DcrErrorCode } from "@accredit/core/errors";
import { verifySoftwareStatement } from "@accredit/core/credential";
import { JWT_SVID_CHECKS } from "@accredit/core/spiffe";
import { FakeAuthority, staticTrust } from "@accredit/testkit";
import {
  AUDIENCE,
  authenticate,
  authority,
  GOOD,
  ISSUER,
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
});

type Claims = Readonly<Record<string, unknown>>;
const rows: readonly (readonly [
  name: string,
  claims: Claims,
  code: DcrErrorCode,
])[] = [
  ["[T01] no exp", { exp: undefined }, "claims_invalid"],
  ...(["9", null, true, -1, 1.5, [NOW], {}] as const).map(
    (exp) =>
      [`[T02] exp ${JSON.stringify(exp)}`, { exp }, "claims_invalid"] as const,
  ),
  ["[T02] exp 1e30", { exp: 1e30 }, "claims_invalid"],
  [
    "[T02] exp beyond the maximum lifetime",
    { exp: NOW + 7200 },
    "credential_lifetime_too_long",
  ],
  [
    "[SVID-08] expired beyond the tolerance",
    { exp: NOW - 60, iat: NOW - 100 },
    "credential_expired",
  ],
  ["[DCR-TI-06] no iat", { iat: undefined }, "claims_invalid"],
  [
    "[T04] iat in the future",
    { iat: NOW + 61, exp: NOW + 200 },
    "credential_not_yet_valid",
  ],
  ["[T04] iat after exp", { iat: NOW + 50, exp: NOW + 20 }, "claims_invalid"],
  [
    "[T04] issued too long ago",
    { iat: NOW - 3661, exp: NOW - 3661 + 3600 + 1 },
    "credential_expired",
  ],
  [
    "[SVID-11] nbf in the future",
    { nbf: NOW + 61 },
    "credential_not_yet_valid",
  ],
  ["[SVID-11] nbf of a wrong type", { nbf: "x" }, "claims_invalid"],
  ...(
    [
      undefined,
      [],
      null,
      "",
      {},
      7,
      [7],
      [[AUDIENCE]],
      { 0: AUDIENCE },
    ] as const
  ).map(
    (aud) =>
      [
        `[T05] aud ${JSON.stringify(aud)}`,
        { aud },
        "audience_mismatch",
      ] as const,
  ),
  [
    "[T07] aud with another beside ours",
    { aud: [AUDIENCE, "x"] },
    "audience_mismatch",
  ],
  [
    "[T07] aud with a number beside ours",
    { aud: [AUDIENCE, 1] },
    "audience_mismatch",
  ],
  ...[
    `${AUDIENCE}/`,
    AUDIENCE.toUpperCase(),
    "https://as.example:443/register",
    "https://as.example.evil/register",
    "https://as.example%2Fregister",
    ISSUER,
  ].map((aud) => [`[T08] aud ${aud}`, { aud }, "audience_mismatch"] as const),
  ...(
    [
      undefined,
      [],
      {},
      7,
      "",
      "x",
      "spiffe://example.org/a?b",
      "spiffe://EXAMPLE.org/a",
    ] as const
  ).map(
    (sub) =>
      [`[T10] sub ${JSON.stringify(sub)}`, { sub }, "subject_invalid"] as const,
  ),
  [
    "[T10] sub of 3 KB",
    { sub: `spiffe://example.org/${"a".repeat(3000)}` },
    "subject_invalid",
  ],
  [
    "[SID-09] sub of a trust domain",
    { sub: "spiffe://example.org" },
    "subject_not_a_workload",
  ],
  [
    "[X08] sub of an unknown trust domain",
    { sub: "spiffe://unknown.example/a" },
    "issuer_untrusted",
  ],
  ["[T11] no iss", { iss: undefined }, "issuer_mismatch"],
  [
    "[T11] iss of another source",
    { iss: "spiffe://other.example" },
    "issuer_mismatch",
  ],
  [
    "[T11] iss in an array",
    { iss: ["spiffe://example.org"] },
    "issuer_mismatch",
  ],
  [
    "[X05] iss of an attacker",
    { iss: "https://attacker.example" },
    "issuer_mismatch",
  ],
];
for (const [name, claims, code] of rows) {
  test(`${name}: ${code}`, async () => {
    await assert.rejects(
      verify(await authority.jwtSvid({ ...GOOD, ...claims })),
      { name: "DcrError", code },
    );
  });
}

test("[SVID-07] one audience in an array is the same as a string; the tolerance is honoured both ways", async () => {
  for (const claims of [
    { aud: [AUDIENCE] },
    { exp: NOW - 59, iat: NOW - 100 },
    { iat: NOW + 60, exp: NOW + 300 },
    { nbf: NOW + 60 },
    { iss: "example.org" },
  ]) {
    await verify(await authority.jwtSvid({ ...GOOD, ...claims }));
  }
});

test("[CAUTH-03] [CAUTH-04] [AMB-17] as an assertion it needs no iss and no iat, but its own audience", async () => {
  const bare = { ...GOOD, aud: ISSUER, iss: undefined, iat: undefined };
  await authenticate(await authority.jwtSvid(bare));
  await assert.rejects(
    authenticate(
      await authority.jwtSvid({ ...bare, iss: "https://attacker.example" }),
    ),
    { code: "issuer_mismatch" },
  );
  await assert.rejects(
    authenticate(await authority.jwtSvid({ ...bare, aud: AUDIENCE })),
    { code: "audience_mismatch" },
  );
  await assert.rejects(
    authenticate(await authority.jwtSvid({ ...bare, exp: NOW + 3600 + 61 })),
    { code: "credential_lifetime_too_long" },
  );
});

test("[AMB-01] [T11] iss is governed by the trust source's mode", async () => {
  const without = await authority.jwtSvid({ ...GOOD, iss: undefined });
  const wrong = await authority.jwtSvid({ ...GOOD, iss: 7 });
  const values = ["spiffe://example.org"];
  for (const [mode, absent, ill] of [
    ["require", false, false],
    ["if_present", true, false],
    ["ignore", true, true],
  ] as const) {
    const source = await staticTrust([authority], { issuer: { mode, values } });
    for (const [token, accepted] of [
      [without, absent],
      [wrong, ill],
    ] as const) {
      const verdict = verifySoftwareStatement(token, source, REQUIREMENTS);
      if (accepted) await verdict;
      else await assert.rejects(verdict, { code: "issuer_mismatch" }, mode);
    }
  }
  await assert.rejects(verify(without), /jwt_issuer in SPIRE.*if_present/);
});

const headers: readonly (readonly [
  name: string,
  header: Claims,
  code: DcrErrorCode,
])[] = [
  ...[
    "at+jwt",
    "dpop+jwt",
    "vc+jwt",
    "dc+sd-jwt",
    "kb+jwt",
    "statuslist+jwt",
    "logout+jwt",
    "wit+jwt",
    "secevent+jwt",
    "jwt",
    "Jwt",
    "JWT ",
    "",
  ].map(
    (typ) =>
      [
        `[J22] typ ${JSON.stringify(typ)}`,
        { typ },
        "credential_kind_unsupported",
      ] as const,
  ),
  [
    "[SVID-04] typ of a wrong type",
    { typ: ["JWT"] },
    "credential_kind_unsupported",
  ],
  ["[J04] jku", { jku: "https://attacker.example/jwks" }, "header_invalid"],
  ["[J04] x5u", { x5u: "https://attacker.example/x" }, "header_invalid"],
  ["[J05] x5c", { x5c: ["AAAA"] }, "header_invalid"],
  ["[SVID-05] jwk", { jwk: { kty: "EC" } }, "header_invalid"],
  ["[SVID-05] an unknown member", { foo: 1 }, "header_invalid"],
  ["[J20] ALG beside alg", { ALG: "none" }, "header_invalid"],
  ["kid of a wrong type", { kid: 7 }, "header_invalid"],
  ["an empty kid", { kid: "" }, "header_invalid"],
  ["[J08] a kid nobody has", { kid: "nobody" }, "key_not_found"],
];
for (const [name, header, code] of headers) {
  test(`${name}: ${code}`, async () => {
    await assert.rejects(verify(await authority.jwtSvid(GOOD, header)), {
      name: "DcrError",
      code,
    });
  });
}

test("[SVID-04] typ JWT, JOSE or none", async () => {
  for (const typ of ["JWT", "JOSE", undefined])
    await verify(await authority.jwtSvid(GOOD, { typ }));
});

test("[X01] [X02] [FED-09] keys of two trust domains never meet, not even under one kid", async () => {
  const a = await FakeAuthority.create({ trustDomain: "a.example" });
  const b = await FakeAuthority.create({ trustDomain: "b.example" });
  const [keyA, keyB] = [
    await a.addKey("ES256", "1"),
    await b.addKey("ES256", "1"),
  ];
  const both = await staticTrust([a, b]);
  const claims = (domain: string) => ({
    ...GOOD,
    sub: `spiffe://${domain}/x`,
    iss: domain,
  });
  const verdicts = await Promise.allSettled(
    [
      a.jwtSvid(claims("a.example"), {}, keyA),
      a.jwtSvid(claims("b.example"), {}, keyA),
      b.jwtSvid(claims("b.example"), {}, keyB),
      b.jwtSvid(claims("a.example"), {}, keyB),
    ].map(async (token) =>
      verifySoftwareStatement(await token, both, REQUIREMENTS),
    ),
  );
  assert.deepEqual(
    verdicts.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled", "rejected"],
  );
});

test("[SVID-03] [AMB-16] [J08] without a kid every fitting key is tried; with one, that key alone", async () => {
  const many = await FakeAuthority.create({ trustDomain: "many.example" });
  const second = await many.addKey();
  const claims = {
    ...GOOD,
    sub: "spiffe://many.example/x",
    iss: "many.example",
  };
  const source = await staticTrust([many]);
  const check = (token: string, from = source) =>
    verifySoftwareStatement(token, from, REQUIREMENTS);
  await check(await many.jwtSvid(claims, { kid: undefined }, second));
  await assert.rejects(
    check(await many.jwtSvid(claims, { kid: many.keys[0]?.kid }, second)),
    { code: "signature_invalid" },
  );
  const strict = await staticTrust([many], { keyId: "required" });
  await assert.rejects(
    check(await many.jwtSvid(claims, { kid: undefined }, second), strict),
    { code: "key_id_missing" },
  );
});

test("[SVID-02] every algorithm of the profile verifies with its own kind of key and no other", async () => {
  for (const algorithm of [
    "RS256",
    "RS384",
    "RS512",
    "ES256",
    "ES384",
    "ES512",
    "PS256",
    "PS384",
    "PS512",
  ]) {
    const issuer = await FakeAuthority.create({
      trustDomain: "alg.example",
      algorithm,
    });
    const source = await staticTrust([issuer]);
    const claims = {
      ...GOOD,
      sub: "spiffe://alg.example/x",
      iss: "alg.example",
    };
    const credential = await verifySoftwareStatement(
      await issuer.jwtSvid(claims),
      source,
      REQUIREMENTS,
    );
    assert.equal(credential.algorithm, algorithm);
  }
});

test("[DCR-TI-17] [X16] [BNDL-03] no bundle is an outage, an empty one a refusal", async () => {
  const token = await authority.jwtSvid(GOOD);
  const missing = await staticTrust([authority], { bundle: undefined });
  await assert.rejects(verifySoftwareStatement(token, missing, REQUIREMENTS), {
    code: "source_unavailable",
  });
  const empty = await staticTrust([authority], {
    bundle: {
      jwtAuthorities: new Map(),
      sequence: undefined,
      refreshHintSeconds: undefined,
      skipped: [],
    },
  });
  await assert.rejects(verifySoftwareStatement(token, empty, REQUIREMENTS), {
    code: "key_not_found",
  });
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

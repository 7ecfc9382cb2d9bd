import assert from "node:assert/strict";
import { test } from "node:test";
import type { DcrErrorCode } from "@accredit/core/errors";
import {
  verifyClientAssertion,
  verifySoftwareStatement,
} from "@accredit/core/credential";
import { staticTrust } from "@accredit/testkit";
import {
  AUDIENCE,
  authenticate,
  authority,
  GOOD,
  ISSUER,
  NOW,
  REQUIREMENTS,
  trust,
  verify,
} from "./jwt-svid-fixture.ts";

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
    "[T04] issued too long ago, though not expired",
    { iat: NOW - 3661, exp: NOW + 10 },
    "credential_too_old",
  ],
  [
    "[T02] a lifetime one second too long",
    { iat: NOW - 10, exp: NOW - 10 + 3601 },
    "credential_lifetime_too_long",
  ],
  ...(["9", null, true, -1, 1.5, [NOW], {}] as const).map(
    (iat) =>
      [`[T04] iat ${JSON.stringify(iat)}`, { iat }, "claims_invalid"] as const,
  ),
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
    { iat: NOW - 3600, exp: NOW },
    { iss: "example.org" },
    { jti: 7 },
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

test("[DCR-TI-04] [AMB-01] [T11] iss is governed by the trust source's mode", async () => {
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

test("[CAUTH-03] [T11] as an assertion, iss that is there follows the mode", async () => {
  const values = ["spiffe://example.org"];
  const wrong = { ...GOOD, aud: ISSUER, iss: "https://attacker.example" };
  const token = await authority.jwtSvid(wrong);
  for (const mode of ["require", "if_present", "ignore"] as const) {
    const source = await staticTrust([authority], { issuer: { mode, values } });
    const verdict = verifyClientAssertion(token, source, {
      ...REQUIREMENTS,
      audiences: [ISSUER],
    });
    await assert.rejects(verdict, { code: "issuer_mismatch" }, mode);
  }
});

test("[X10] a source that allows no iss, and an endpoint without an audience, take nothing", async () => {
  const token = await authority.jwtSvid(GOOD);
  const none = await staticTrust([authority], {
    issuer: { mode: "require", values: [] },
  });
  await assert.rejects(verifySoftwareStatement(token, none, REQUIREMENTS), {
    code: "issuer_mismatch",
  });
  await assert.rejects(
    verifySoftwareStatement(token, trust, { ...REQUIREMENTS, audiences: [] }),
    { code: "audience_mismatch" },
  );
});

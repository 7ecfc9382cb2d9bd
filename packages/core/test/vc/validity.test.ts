import assert from "node:assert/strict";
import { test } from "node:test";
import type { DcrErrorCode } from "@accredit/core/errors";
import { readDateTime } from "../../src/vc/date-time.ts";
import {
  AUDIENCE,
  jwtVc,
  NOW,
  refused,
  sdJwtText,
  vcJwt,
  verify,
  withVc,
  type Members,
} from "./credential-fixture.ts";

const iso = (seconds: number) =>
  new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
/** A vc+jwt from and until times of a test's choice. */
const window = (
  from: number | undefined,
  until: number | undefined,
  claims: Members = {},
) =>
  vcJwt({
    validFrom: from === undefined ? undefined : iso(from),
    validUntil: until === undefined ? undefined : iso(until),
    ...claims,
  });
const makers = { jwtVc, sdJwt: (claims: Members) => sdJwtText(claims) };

for (const [name, make] of Object.entries(makers)) {
  const refusals: readonly (readonly [Members, DcrErrorCode])[] = [
    [{ exp: NOW - 60 }, "credential_expired"],
    [{ exp: 0 }, "credential_expired"],
    [{ exp: "9" }, "claims_invalid"],
    [{ exp: null }, "claims_invalid"],
    [{ exp: true }, "claims_invalid"],
    [{ exp: [NOW + 10] }, "claims_invalid"],
    [{ exp: -1 }, "claims_invalid"],
    [{ exp: NOW + 1.5 }, "claims_invalid"],
    [{ exp: 1e30 }, "claims_invalid"],
    [{ exp: NOW + 400 * 86_400 }, "credential_lifetime_too_long"],
    [{ nbf: NOW + 61 }, "credential_not_yet_valid"],
    [{ nbf: "0" }, "claims_invalid"],
    [{ iat: NOW + 61 }, "credential_not_yet_valid"],
    [{ iat: null }, "claims_invalid"],
    [{ iat: NOW + 30, exp: NOW + 20 }, "claims_invalid"],
    [{ nbf: NOW + 30, exp: NOW + 20 }, "claims_invalid"],
    [
      { aud: AUDIENCE, iat: NOW, exp: NOW + 366 * 86_400 + 1 },
      "credential_lifetime_too_long",
    ],
  ];
  for (const [claims, code] of refusals) {
    test(`[VC-07] [DCR-TI-12] [T02] [T04] ${name}: refuses ${JSON.stringify(claims)}`, async () => {
      await refused(await make(claims), code);
    });
  }
  test(`[VC-07] ${name}: the clock may be off by the tolerance`, async () => {
    await verify(await make({ exp: NOW - 59 }));
    await verify(await make({ nbf: NOW + 60, iat: NOW + 60 }));
  });
}

for (const [name, token, code] of [
  ["an end gone by", window(NOW - 100, NOW - 60), "credential_expired"],
  ["a start to come", window(NOW + 61, NOW + 100), "credential_not_yet_valid"],
  ["an end before its start", window(NOW + 20, NOW + 10), "claims_invalid"],
  [
    "an exp gone by",
    window(NOW - 100, NOW + 10, { exp: NOW - 60 }),
    "credential_expired",
  ],
  [
    "an nbf to come",
    window(NOW - 10, NOW + 90, { nbf: NOW + 61 }),
    "credential_not_yet_valid",
  ],
  [
    "an iat to come",
    window(NOW - 10, NOW + 90, { iat: NOW + 61 }),
    "credential_not_yet_valid",
  ],
  ["no end", window(undefined, undefined), "claims_invalid"],
  [
    "too long a life",
    window(NOW, NOW + 400 * 86_400),
    "credential_lifetime_too_long",
  ],
  [
    "too far an end and no start",
    window(undefined, NOW + 400 * 86_400),
    "credential_lifetime_too_long",
  ],
] as const) {
  test(`[VC-07] refuses a vc+jwt with ${name}`, async () => {
    await refused(await token, code);
  });
}

test("[VC-07] the earliest of all ends is the end", async () => {
  for (const [until, exp, expected] of [
    [NOW + 50, NOW + 90, NOW + 50],
    [NOW + 90, NOW + 50, NOW + 50],
    [undefined, NOW + 50, NOW + 50],
    [NOW + 50, undefined, NOW + 50],
  ] as const) {
    const { expiresAt } = await verify(await window(NOW - 10, until, { exp }));
    assert.equal(expiresAt, expected);
  }
});

test("[VC-07] the endpoint's ceiling and the issuer's both hold", async () => {
  const token = await jwtVc({ iat: NOW, exp: NOW + 1000 });
  const code = "credential_lifetime_too_long";
  await verify(token, { maxLifetimeSeconds: 1000 });
  await refused(token, code, { maxLifetimeSeconds: 999 });
  await refused(token, code, {}, { maxLifetimeSeconds: 999 });
  await refused(
    token,
    code,
    { maxLifetimeSeconds: 999 },
    { maxLifetimeSeconds: 5000 },
  );
});

for (const aud of [
  [],
  null,
  "",
  {},
  7,
  [AUDIENCE, 1],
  [[AUDIENCE]],
  { 0: AUDIENCE },
  `${AUDIENCE}/`,
  "https://as.example",
  [AUDIENCE, "https://x"],
  [AUDIENCE, AUDIENCE],
]) {
  test(`[T05] [T07] [T08] refuses aud ${JSON.stringify(aud)}, in every format`, async () => {
    for (const token of [
      await jwtVc({ aud }),
      await vcJwt({ aud }),
      await sdJwtText({ aud }),
    ])
      await refused(token, "audience_mismatch");
  });
}

test("[VC-10] an aud that was hidden counts once it is disclosed", async () => {
  const token = await sdJwtText({ aud: "https://x" }, { hidden: ["aud"] });
  await refused(token, "audience_mismatch");
});

for (const [text, seconds] of [
  ["1970-01-01T00:00:00Z", 0],
  ["2027-01-15T08:00:00Z", NOW],
  ["2027-01-15T08:00:00", NOW],
  ["2027-01-15T09:00:00+01:00", NOW],
  ["2027-01-14T18:30:00-13:30", NOW],
  ["2027-01-15T08:00:00.5Z", NOW + 0.5],
  ["2024-02-29T00:00:00Z", 1_709_164_800],
] as const) {
  test(`[VC-07] ${text} is ${seconds}`, () => {
    assert.equal(readDateTime(text, "validFrom"), seconds);
  });
}
for (const value of [
  "",
  "2027-01-15",
  "2027-01-15 08:00:00Z",
  "2027-01-15t08:00:00z",
  "2027-1-15T08:00:00Z",
  "2027-02-29T00:00:00Z",
  "2027-13-01T00:00:00Z",
  "2027-00-01T00:00:00Z",
  "2027-01-00T00:00:00Z",
  "2027-01-15T24:00:00Z",
  "2027-01-15T08:60:00Z",
  "2027-01-15T08:00:60Z",
  "2027-01-15T08:00:00.Z",
  "2027-01-15T08:00:00+1:00",
  "2027-01-15T08:00:00+15:00",
  "2027-01-15T08:00:00+01:60",
  "+002027-01-15T08:00:00Z",
  "-2027-01-15T08:00:00Z",
  "0050-01-15T08:00:00Z ",
  "٢027-01-15T08:00:00Z",
  "Fri, 15 Jan 2027 08:00:00 GMT",
  NOW,
  null,
  true,
  [],
  {},
]) {
  test(`[VC-07] ${JSON.stringify(value)} is no date`, async () => {
    assert.throws(() => readDateTime(value, "validFrom"), {
      code: "claims_invalid",
    });
    await refused(
      await vcJwt({ validFrom: value, validUntil: iso(NOW + 9) }),
      "claims_invalid",
    );
    await refused(await vcJwt({ validUntil: value }), "claims_invalid");
    await refused(
      await jwtVc(withVc({ issuanceDate: value })),
      "claims_invalid",
    );
  });
}

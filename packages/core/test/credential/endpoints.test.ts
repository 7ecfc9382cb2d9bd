import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { test } from "node:test";
import {
  verifyClientAssertion,
  verifySoftwareStatement,
  type CheckResult,
} from "@accredit/core/credential";
import type { DcrErrorCode } from "@accredit/core/errors";
import { forge } from "../spiffe/forge.ts";
import {
  AUDIENCE,
  authority,
  GOOD,
  ISSUER,
  NOW,
  other,
  REQUIREMENTS,
  trust,
} from "../spiffe/jwt-svid-fixture.ts";

/** The two endpoints that take a credential, each with its own audience. */
const ENDPOINTS = {
  registration: { aud: AUDIENCE, verify: verifySoftwareStatement },
  token: { aud: ISSUER, verify: verifyClientAssertion },
} as const;
type Endpoint = keyof typeof ENDPOINTS;
const BOTH = Object.keys(ENDPOINTS) as Endpoint[];

/** The code a token is refused with, or `accepted`; the listener must have heard the same. */
async function judge(endpoint: Endpoint, token: string): Promise<string> {
  const { aud, verify } = ENDPOINTS[endpoint];
  const heard: CheckResult[] = [];
  const requirements = {
    ...REQUIREMENTS,
    audiences: [aud],
    onCheck: (result: CheckResult) => heard.push(result),
  };
  let verdict: string;
  try {
    await verify(token, trust, requirements);
    verdict = "accepted";
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error, String(error));
    verdict = String(error.code);
    assert.equal(heard.at(-1)?.detail, error.message);
  }
  const failed = heard.filter(({ verdict: how }) => how === "fail");
  assert.equal(failed.length, verdict === "accepted" ? 0 : 1);
  assert.ok(verdict === "accepted" || heard.at(-1)?.verdict === "fail");
  return verdict;
}

type Members = Readonly<Record<string, unknown>>;
/** What is changed in the good token, and the verdict at either endpoint, or at each. */
const CLAIMS: readonly (readonly [
  name: string,
  change: Members,
  verdict: DcrErrorCode | "accepted" | Readonly<Record<Endpoint, string>>,
])[] = [
  ["nothing", {}, "accepted"],
  ["[SVID-10] a jti", { jti: "1" }, "accepted"],
  [
    "[SVID-09] claims nobody asked for",
    { scope: "x", constructor: {}, vc: 1 },
    "accepted",
  ],
  [
    "[AMB-17] no iat",
    { iat: undefined },
    { registration: "claims_invalid", token: "accepted" },
  ],
  [
    "[T11] [CAUTH-03] no iss",
    { iss: undefined },
    { registration: "issuer_mismatch", token: "accepted" },
  ],
  ["[T11] iss null", { iss: null }, "issuer_mismatch"],
  ["[T11] iss in an array", { iss: ["example.org"] }, "issuer_mismatch"],
  ["[T11] iss empty", { iss: "" }, "issuer_mismatch"],
  [
    "[X14] iss with a closing slash",
    { iss: "spiffe://example.org/" },
    "issuer_mismatch",
  ],
  [
    "[X05] iss of an attacker",
    { iss: "https://attacker.example" },
    "issuer_mismatch",
  ],
  ["[T01] no exp", { exp: undefined }, "claims_invalid"],
  ["[T02] exp in text", { exp: `${NOW + 60}` }, "claims_invalid"],
  [
    "[T02] exp a week off",
    { exp: NOW + 604_800 },
    "credential_lifetime_too_long",
  ],
  [
    "[T02] exp a week off, iat too",
    { exp: NOW + 604_800, iat: NOW + 604_500 },
    "credential_not_yet_valid",
  ],
  ["[SVID-08] expired", { exp: NOW - 60, iat: NOW - 90 }, "credential_expired"],
  ["[SVID-08] just not expired", { exp: NOW - 59, iat: NOW - 90 }, "accepted"],
  ["[T04] issued in the future", { iat: NOW + 61 }, "credential_not_yet_valid"],
  ["[T04] issued too long ago", { iat: NOW - 3661 }, "credential_too_old"],
  ["[SVID-11] not yet valid", { nbf: NOW + 61 }, "credential_not_yet_valid"],
  ["[SVID-11] nbf null", { nbf: null }, "claims_invalid"],
  ["[SVID-06] no sub", { sub: undefined }, "subject_invalid"],
  [
    "[S59] sub in upper case",
    { sub: "spiffe://EXAMPLE.ORG/a" },
    "subject_invalid",
  ],
  [
    "[SID-09] sub of the trust domain",
    { sub: "spiffe://example.org" },
    "subject_not_a_workload",
  ],
  [
    "[X01] sub in another trusted domain",
    { sub: "spiffe://other.example/a" },
    "key_not_found",
  ],
  [
    "[X08] sub in an unknown domain",
    { sub: "spiffe://unknown.example/a" },
    "issuer_untrusted",
  ],
];

for (const [name, change, verdict] of CLAIMS) {
  test(`${name}: the verdict at each endpoint`, async () => {
    for (const endpoint of BOTH) {
      const token = await authority.jwtSvid({
        ...GOOD,
        aud: ENDPOINTS[endpoint].aud,
        ...change,
      });
      const expected =
        typeof verdict === "string" ? verdict : verdict[endpoint];
      assert.equal(await judge(endpoint, token), expected, endpoint);
    }
  });
}

test("[DCR-TI-05] [SEC-04] [T05] [T07] [T08] a credential for one endpoint is none for the other, nor one for both", async () => {
  for (const endpoint of BOTH) {
    const { aud } = ENDPOINTS[endpoint];
    assert.equal(
      await judge(endpoint, await authority.jwtSvid({ ...GOOD, aud: [aud] })),
      "accepted",
    );
    for (const wrong of [
      AUDIENCE === aud ? ISSUER : AUDIENCE,
      [AUDIENCE, ISSUER],
      [ISSUER, AUDIENCE],
      [aud, aud],
      [aud, 1],
      [[aud]],
      { 0: aud },
      [],
      null,
      "",
      7,
      undefined,
      `${aud}/`,
      `${aud}#`,
      ` ${aud}`,
      aud.toUpperCase(),
      aud.replace("https:", "http:"),
      aud.replace("as.example", "as.example:443"),
      aud.replace("as.example", "as.example.evil"),
      aud.replace("as.example", "as%2Eexample"),
    ]) {
      const token = await authority.jwtSvid({ ...GOOD, aud: wrong });
      assert.equal(
        await judge(endpoint, token),
        "audience_mismatch",
        JSON.stringify(wrong),
      );
    }
  }
});

test("[J01] [J04] [J05] [J07] [J22] the header is judged alike at both endpoints", async () => {
  const kid = authority.keys[0]?.kid;
  for (const [name, header, code] of [
    ["alg none", { alg: "none" }, "algorithm_not_allowed"],
    ["no alg", { alg: undefined }, "algorithm_not_allowed"],
    ["alg of another curve", { alg: "ES384" }, "key_not_found"],
    ["alg of another key type", { alg: "PS256" }, "key_not_found"],
    ["b64 false", { b64: false, crit: ["b64"] }, "header_invalid"],
    ["crit alone", { crit: [] }, "header_invalid"],
    ["jku", { jku: "https://attacker.example" }, "header_invalid"],
    ["jwk", { jwk: authority.keys[0]?.publicJwk }, "header_invalid"],
    ["x5c", { x5c: ["MII"] }, "header_invalid"],
    ["zip", { zip: "DEF" }, "header_invalid"],
    ["cty", { cty: "JWT" }, "header_invalid"],
    ["an empty name", { "": 1 }, "header_invalid"],
    ["a kid of 257 characters", { kid: "k".repeat(257) }, "header_invalid"],
    ["a kid in an array", { kid: [kid] }, "header_invalid"],
    ["a kid that is null", { kid: null }, "header_invalid"],
    [
      "a kid named like a member of Object",
      { kid: "__proto__" },
      "key_not_found",
    ],
    [
      "a kid of another trust domain",
      { kid: other.keys[0]?.kid },
      "key_not_found",
    ],
    ["a kid in other case", { kid: kid?.toUpperCase() }, "key_not_found"],
    [
      "typ of an access token",
      { typ: "at+jwt" },
      "credential_kind_unsupported",
    ],
    [
      "typ of an assertion",
      { typ: "client-authentication+jwt" },
      "credential_kind_unsupported",
    ],
    ["typ null", { typ: null }, "credential_kind_unsupported"],
  ] as const) {
    const members = { alg: "ES256", kid, typ: "JWT", ...header };
    const token = forge(members, GOOD, () => Buffer.alloc(64, 1));
    for (const endpoint of BOTH)
      assert.equal(await judge(endpoint, token), code, name);
  }
});

test("[J02] our own public key in any form is no secret to sign with", async () => {
  const [key] = authority.keys;
  assert.ok(key);
  const publicKey = createPublicKey({
    key: { ...key.publicJwk },
    format: "jwk",
  });
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  for (const secret of [
    pem,
    `\n${pem}`,
    `junk\n${pem}`,
    pem.trim(),
    pem.replaceAll("\n", "\r\n"),
    publicKey.export({ type: "spki", format: "der" }),
    JSON.stringify(key.publicJwk),
    JSON.stringify({ ...key.publicJwk, kid: key.kid, use: "jwt-svid" }),
    Buffer.from(String(key.publicJwk.x), "base64url"),
    key.kid,
    "",
  ]) {
    for (const [alg, hash] of [
      ["HS256", "sha256"],
      ["HS384", "sha384"],
      ["HS512", "sha512"],
      ["ES256", "sha256"],
    ] as const) {
      const token = forge({ alg, kid: key.kid }, GOOD, (input) =>
        createHmac(hash, secret).update(input).digest(),
      );
      const code =
        alg === "ES256" ? "signature_invalid" : "algorithm_not_allowed";
      for (const endpoint of BOTH)
        assert.equal(await judge(endpoint, token), code);
    }
  }
});

test("[SVID-10] the same credential is good again: nothing makes it single-use", async () => {
  const token = await authority.jwtSvid({ ...GOOD, jti: "once" });
  for (let times = 0; times < 3; times++)
    assert.equal(await judge("registration", token), "accepted");
});

test("[DCR-TI-18] another kind of credential is refused as such, before any key is looked for", async () => {
  const token = await authority.jwtSvid(GOOD);
  for (const text of [`${token}~`, `${token}~~`, "~", `a.b.c~d~`]) {
    assert.equal(await judge("token", text), "credential_kind_unsupported");
    // At registration an SD-JWT may be a credential, and these are none.
    assert.match(
      await judge("registration", text),
      /^(credential_kind_unsupported|statement_malformed)$/,
    );
  }
});

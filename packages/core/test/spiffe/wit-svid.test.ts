import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { exportJWK } from "jose";
import {
  verifyClientAssertion,
  verifySoftwareStatement,
} from "@accredit/core/credential";
import type { CheckResult } from "@accredit/core/credential";
import { DcrError, type DcrErrorCode } from "@accredit/core/errors";
import { verifyWitSvid, WIT_SVID_CHECKS } from "@accredit/core/spiffe";
import { FakeWitAuthority } from "@accredit/testkit";
import { forge, signAs } from "./forge.ts";
import {
  authority,
  ISSUER,
  jwtAuthority,
  mint,
  NOW,
  other,
  REQUIREMENTS,
  SUBJECT,
  trust,
  trustIn,
  verify,
} from "./wit-svid-fixture.ts";

type Members = Readonly<Record<string, unknown>>;
type Row = readonly [name: string, change: Members, code: DcrErrorCode];

const privateKey = createPrivateKey({
  key: { ...(await exportJWK(authority.key.privateKey)) },
  format: "jwk",
});
const { key: holder } = await mint();
const jwk = { ...holder.publicJwk, alg: "ES256" };

/** Signs a header that libraries would refuse to make. */
const forged = async (header: Members): Promise<string> => {
  const { token } = await mint();
  const payload = Buffer.from(token.split(".")[1] ?? "", "base64url");
  return forge(
    { alg: "ES256", typ: "wit+jwt", kid: authority.key.kid, ...header },
    payload.toString(),
    signAs("ES256", privateKey),
  );
};

test("[WIT-01] [WIT-02] a good WIT-SVID says whose it is and which key it is bound to", async () => {
  const claims = { iss: "https://oidc.example.org", jti: "shared", extra: 1 };
  const { token, key } = await mint({ claims });
  const verified = await verify(token);
  assert.equal(verified.kind, "wit-svid");
  assert.equal(verified.subject.uri, SUBJECT);
  assert.equal(verified.keyId, authority.key.kid);
  assert.equal(verified.algorithm, "ES256");
  assert.deepEqual({ ...verified.confirmationJwk }, key.publicJwk);
  assert.equal(verified.confirmationAlgorithm, "ES256");
  assert.equal(verified.issuedAt, NOW);
  assert.equal(verified.expiresAt, NOW + 3600);
  assert.equal(verified.issuer, claims.iss);
  assert.equal(verified.audience, undefined);
  assert.equal(verified.tokenId, "shared");
  assert.equal(verified.claims["extra"], 1);
  assert.match(verified.fingerprint, /^[\w-]{43}$/);
});

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
  test(`[WIT-01] [WIT-02] ${algorithm} for the token and its key`, async () => {
    const issuer = await FakeWitAuthority.create({ algorithm, now: () => NOW });
    const { token } = await issuer.witSvid({}, algorithm);
    const verified = await verifyWitSvid(
      token,
      await trustIn([issuer]),
      REQUIREMENTS,
    );
    assert.equal(verified.confirmationAlgorithm, algorithm);
  });
}

const HEADERS: readonly Row[] = [
  ...["JWT", "JOSE", "at+jwt", "vc+jwt", "WIT+JWT", "", undefined, ["wit+jwt"]]
    .map((typ) => [typ, `[WIT-01] [J22] typ ${JSON.stringify(typ)}`] as const)
    .map(([typ, name]): Row => [name, { typ }, "credential_kind_unsupported"]),
  ["[WIT-01] no kid", { kid: undefined }, "key_id_missing"],
  ["kid of a wrong type", { kid: 7 }, "header_invalid"],
  ["an empty kid", { kid: "" }, "header_invalid"],
  ["a kid of 257 characters", { kid: "k".repeat(257) }, "header_invalid"],
  ["[J08] a kid nobody has", { kid: "nobody" }, "key_not_found"],
  [
    "[X04] the kid of a JWT key",
    { kid: jwtAuthority.keys[0]?.kid },
    "key_not_found",
  ],
  ["[WIT-01] crit", { crit: ["exp"] }, "header_invalid"],
  ["b64", { b64: true }, "header_invalid"],
  ["[J05] jwk", { jwk }, "header_invalid"],
  ["[J04] jku", { jku: "https://attacker.example" }, "header_invalid"],
  ["[J04] x5u", { x5u: "https://attacker.example" }, "header_invalid"],
  ["[J05] x5c", { x5c: ["AAAA"] }, "header_invalid"],
  ["[J01] alg none", { alg: "none" }, "algorithm_not_allowed"],
  ["[J02] alg HS256", { alg: "HS256" }, "algorithm_not_allowed"],
  ["[J11] alg EdDSA", { alg: "EdDSA" }, "algorithm_not_allowed"],
  ["[J11] alg ES256K", { alg: "ES256K" }, "algorithm_not_allowed"],
  ["an alg the key is not for", { alg: "ES384" }, "key_not_found"],
];
for (const [name, header, code] of HEADERS) {
  test(`wit-svid: refuses ${name}`, async () => {
    await assert.rejects(verify(await forged(header)), {
      name: "DcrError",
      code,
    });
  });
}

test("[WIT-01] headers that nobody knows are ignored; [CAUTH-09] so is the other name of its type", async () => {
  await verify(await forged({ foo: 1, kind: { a: [] } }));
  await verify(await forged({ typ: "oauth-client-attestation+jwt" }));
});

const CLAIMS: readonly Row[] = [
  ["[WIT-02] no sub", { sub: undefined }, "subject_invalid"],
  [
    "[WIT-02] a URL as sub",
    { sub: "https://example.org/a" },
    "subject_invalid",
  ],
  [
    "[S03] sub in upper case",
    { sub: SUBJECT.toUpperCase() },
    "subject_invalid",
  ],
  [
    "[SID-09] sub without a path",
    { sub: "spiffe://example.org" },
    "subject_not_a_workload",
  ],
  [
    "[X08] an unknown trust domain",
    { sub: "spiffe://unknown.example/a" },
    "issuer_untrusted",
  ],
  [
    "[X01] another trust domain's sub",
    { sub: "spiffe://other.example/a" },
    "key_not_found",
  ],
  ["[WIT-02] no exp", { exp: undefined }, "claims_invalid"],
  ["exp as text", { exp: `${NOW + 60}` }, "claims_invalid"],
  ["a fraction as exp", { exp: NOW + 0.5 }, "claims_invalid"],
  ["iat as text", { iat: "now" }, "claims_invalid"],
  ["[WIT-04] expired", { exp: NOW - 60 }, "credential_expired"],
  ["[WIT-04] a future nbf", { nbf: NOW + 61 }, "credential_not_yet_valid"],
  ["nbf as text", { nbf: "now" }, "claims_invalid"],
  ["[WIT-03] aud", { aud: ISSUER }, "claims_invalid"],
  ["[WIT-03] aud null", { aud: null }, "claims_invalid"],
  ["[WIT-03] an empty aud", { aud: [] }, "claims_invalid"],
];
for (const [name, claims, code] of CLAIMS) {
  test(`wit-svid: refuses ${name}`, async () => {
    const { token } = await mint({ claims });
    await assert.rejects(verify(token), { name: "DcrError", code });
  });
}

test("[WIT-04] a few seconds are forgiven, and iat does not say when it begins", async () => {
  for (const claims of [
    { exp: NOW - 59 },
    { nbf: NOW + 60 },
    { iat: NOW + 1000 },
    { iat: undefined },
    { nbf: NOW - 10 },
  ])
    await verify((await mint({ claims })).token);
});

const { x: _, ...withoutX } = jwk;
const BINDINGS: readonly (readonly [name: string, cnf: unknown])[] = [
  ["no cnf", undefined],
  ["cnf null", null],
  ["cnf as text", "jwk"],
  ["cnf as a list", [{ jwk }]],
  ["cnf without jwk", { jkt: "AAAA" }],
  ["cnf.jwk as text", { jwk: JSON.stringify(jwk) }],
  ["cnf.jwk as a list", { jwk: [jwk] }],
  ["jku beside jwk", { jwk, jku: "https://attacker.example" }],
  ["jwe beside jwk", { jwk, jwe: "AAAA" }],
  ["no alg", { jwk: holder.publicJwk }],
  ["alg none", { jwk: { ...jwk, alg: "none" } }],
  ["alg HS256", { jwk: { ...jwk, alg: "HS256" } }],
  ["an alg of another curve", { jwk: { ...jwk, alg: "ES384" } }],
  ["an alg of another type", { jwk: { ...jwk, alg: "PS256" } }],
  ["a private key", { jwk: { ...jwk, d: jwk.x } }],
  ["a secret", { jwk: { kty: "oct", k: "AAAA", alg: "ES256" } }],
  ["a secret beside it", { jwk: { ...jwk, k: "AAAA" } }],
  ["use enc", { jwk: { ...jwk, use: "enc" } }],
  ["key_ops encrypt", { jwk: { ...jwk, key_ops: ["encrypt"] } }],
  ["no x", { jwk: withoutX }],
  ["a point off the curve", { jwk: { ...jwk, y: jwk.x } }],
  [
    "an Ed25519 key",
    { jwk: { kty: "OKP", crv: "Ed25519", x: jwk.x, alg: "EdDSA" } },
  ],
  [
    "an RSA key of 1024 bits",
    {
      jwk: {
        kty: "RSA",
        n: Buffer.alloc(128, 0xc5).toString("base64url"),
        e: "AQAB",
        alg: "PS256",
      },
    },
  ],
];
for (const [name, cnf] of BINDINGS) {
  test(`[WIT-02] wit-svid: refuses a binding with ${name}`, async () => {
    const { token } = await mint({ claims: { cnf } });
    await assert.rejects(verify(token), { code: "key_binding_invalid" });
  });
}

test("[WIT-08] [X04] [X01] only the WIT keys of sub's trust domain verify it", async () => {
  const kid = authority.key.kid;
  const jwtKey = jwtAuthority.keys[0];
  assert.ok(jwtKey);
  for (const key of [other.key, jwtKey, holder]) {
    const { token } = await mint({ key, header: { kid } });
    await assert.rejects(verify(token), { code: "signature_invalid" });
  }
  const { token } = await mint();
  await assert.rejects(verify(`${token.slice(0, -4)}AAAA`), {
    code: "signature_invalid",
  });
});

test("[WIT-05] iss leads to no keys, whatever it is", async () => {
  for (const iss of ["https://attacker.example", 7, null]) {
    const { token } = await mint({ claims: { iss } });
    await verify(token);
    const stolen = await mint({ claims: { iss }, key: other.key });
    await assert.rejects(verify(stolen.token), { code: "signature_invalid" });
  }
});

test("[WIT-07] the same jti is no replay", async () => {
  const claims = { jti: "one" };
  for (let i = 0; i < 2; i++) await verify((await mint({ claims })).token);
});

test("[WIT-06] a WIT-SVID is neither a software statement nor a client assertion", async () => {
  const limits = { maxLifetimeSeconds: 3600, maxAgeSeconds: 3600 };
  const requirements = { ...REQUIREMENTS, ...limits, audiences: [ISSUER] };
  for (const typ of ["wit+jwt", "oauth-client-attestation+jwt"]) {
    const { token } = await mint({ header: { typ }, claims: { aud: ISSUER } });
    const refused = { code: "credential_kind_unsupported" };
    for (const accept of [verifySoftwareStatement, verifyClientAssertion])
      await assert.rejects(accept(token, trust, requirements), refused);
  }
  // Nor does its key sign any.
  const { token } = await mint({
    header: { typ: "JWT" },
    claims: { aud: ISSUER },
  });
  for (const accept of [verifySoftwareStatement, verifyClientAssertion])
    await assert.rejects(accept(token, trust, requirements), {
      code: "key_not_found",
    });
});

test("[X04] a JWT-SVID is no WIT-SVID", async () => {
  const claims = { sub: SUBJECT, exp: NOW + 60, cnf: { jwk } };
  const token = await jwtAuthority.jwtSvid(claims, { typ: "wit+jwt" });
  await assert.rejects(verify(token), { code: "key_not_found" });
});

test("[Q10] no bundle, or one that cannot be refreshed, is an outage; a new key is looked for once", async () => {
  const { token } = await mint();
  const missing = await trustIn([authority], { bundle: undefined });
  await assert.rejects(verifyWitSvid(token, missing, REQUIREMENTS), {
    code: "source_unavailable",
  });
  const old = await FakeWitAuthority.create({ kid: "old" });
  let asked = 0;
  const stale = await trustIn([old], {
    refreshFails: true,
    refreshUnknownKey: async () => {
      asked++;
      return false;
    },
  });
  await assert.rejects(verifyWitSvid(token, stale, REQUIREMENTS), {
    code: "source_unavailable",
  });
  assert.equal(asked, 1);
  const before = await trustIn([old], { refreshUnknownKey: async () => true });
  const after = await trustIn([authority]);
  let now = before;
  const live: typeof trust = {
    spiffe(trustDomain) {
      const found = now.spiffe(trustDomain);
      now = after;
      return found;
    },
  };
  await verifyWitSvid(token, live, REQUIREMENTS);
});

test("every check is told of by name, the one that fails last", async () => {
  const listen = async (token: string): Promise<readonly CheckResult[]> => {
    const results: CheckResult[] = [];
    const onCheck = (result: CheckResult) => results.push(result);
    await verifyWitSvid(token, trust, { ...REQUIREMENTS, onCheck }).catch(
      () => {},
    );
    return results;
  };
  const passed = await listen((await mint()).token);
  assert.deepEqual(
    passed.map(({ check }) => check),
    Object.keys(WIT_SVID_CHECKS),
  );
  assert.ok(passed.every(({ verdict }) => verdict === "pass"));
  const failed = await listen((await mint({ key: other.key })).token);
  assert.deepEqual(failed.at(-1), {
    check: "signature",
    verdict: "fail",
    requirement: "CAUTH-05",
    detail: failed.at(-1)?.detail,
  });
});

test("[SEC-01] any text is a WIT-SVID or throws a DcrError that does not quote it", async () => {
  const { token } = await mint();
  const parts = token.split(".");
  const anyClaims = fc
    .dictionary(
      fc.constantFrom("sub", "exp", "iat", "nbf", "aud", "cnf", "jti", "iss"),
      fc.jsonValue(),
    )
    .map((claims) => Buffer.from(JSON.stringify(claims)).toString("base64url"));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.tuple(fc.string(), fc.string(), fc.string()).map((t) => t.join(".")),
        anyClaims.map((claims) => [parts[0], claims, parts[2]].join(".")),
        fc.nat(token.length - 1).map((at) => token.slice(0, at)),
      ),
      async (text) => {
        await assert.rejects(verify(text), (error: unknown) => {
          assert.ok(error instanceof DcrError, String(error));
          assert.ok(!error.message.includes(parts[2] ?? ""));
          return true;
        });
      },
    ),
    { numRuns: 300 },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  statusOf,
  verifyStatusListCredential,
  type IssuerKeySource,
  type StatusList,
  type StatusListExpectation,
} from "@accredit/core/vc";
import {
  bitstring,
  bitstringClaims,
  encodedList,
  ISSUER,
  lst,
  makeSigner,
  NOW,
  signToken,
  sourceOf,
  statusList2021Claims,
  TOKEN_HEADER,
  tokenClaims,
  URL_OF_LIST,
} from "./status-fixture.ts";

const OTHER = "https://other.example";
const signer = makeSigner();
const other = makeSigner(OTHER);
const attacker = makeSigner();
const SOURCES: Readonly<Record<string, IssuerKeySource>> = {
  [ISSUER]: sourceOf(signer),
  [OTHER]: sourceOf(other),
};

function verify(
  token: string,
  change: Partial<StatusListExpectation> = {},
): Promise<StatusList> {
  return verifyStatusListCredential(token, {
    kind: "token_status_list",
    url: URL_OF_LIST,
    credentialIssuer: ISSUER,
    issuerKeys: (issuer) => SOURCES[issuer],
    now: NOW,
    clockToleranceSeconds: 60,
    ...change,
  });
}

function verifyBits(
  claims: unknown,
  header: object = {},
  change: Partial<StatusListExpectation> = {},
): Promise<StatusList> {
  return verify(signToken(signer, { typ: "vc+jwt", ...header }, claims), {
    kind: "bitstring",
    ...change,
  });
}

const token = (change: object = {}, header: object = {}): string =>
  signToken(signer, { ...TOKEN_HEADER, ...header }, tokenClaims(change));
/** What an endpoint in trouble answers, and not an issuer that says something (V22). */
const OUTAGES = new Set([
  "expired",
  "no token",
  "nothing",
  "a million dots",
  "more than 2 MiB",
  "an end gone by",
  "exp gone by",
]);
const refusalOf = (name: string) =>
  OUTAGES.has(name) ? { ...INVALID, code: "source_unavailable" } : INVALID;
const INVALID = { name: "DcrError", code: "status_list_invalid" };

test("[STAT-02] takes a Status List Token of a trusted issuer", async () => {
  const list = await verify(token());
  assert.deepEqual(
    {
      ...list,
      bytes: Buffer.from(list.bytes).toString("hex"),
    },
    {
      kind: "token_status_list",
      url: URL_OF_LIST,
      issuer: ISSUER,
      bytes: "b9a3",
      size: 1,
      purposes: [],
      issuedAt: NOW - 60,
      expiresAt: NOW + 3600,
      ttlSeconds: 300,
    },
  );
  const bare = await verify(
    token({ iss: undefined, exp: undefined, ttl: undefined }),
  );
  assert.deepEqual(
    [bare.issuer, bare.expiresAt, bare.ttlSeconds],
    [ISSUER, undefined, undefined],
  );
});

test("[STAT-08] [STAT-10] takes a Bitstring list of data model 2.0; its ttl is in milliseconds", async () => {
  const list = await verifyBits(bitstringClaims());
  assert.equal(list.ttlSeconds, 300);
  assert.equal(list.issuedAt, Date.parse("2027-01-15T07:00:00Z") / 1000);
  assert.equal(list.expiresAt, Date.parse("2027-01-15T09:00:00Z") / 1000);
  assert.equal(
    statusOf(list, {
      kind: "bitstring",
      listUrl: URL_OF_LIST,
      index: 0,
      purpose: "revocation",
      size: 1,
    }),
    "revoked",
  );
  const more = await verifyBits(
    bitstringClaims(
      {
        id: undefined,
        issuer: { id: ISSUER, name: "I" },
        iss: ISSUER,
        iat: NOW - 9,
        exp: NOW + 5,
      },
      { statusPurpose: ["revocation", "suspension"], ttl: 10 },
    ),
  );
  assert.deepEqual(
    [more.issuedAt, more.expiresAt, more.ttlSeconds],
    [NOW - 9, NOW + 5, 1],
  );
  assert.deepEqual(more.purposes, ["revocation", "suspension"]);
});

test("[STAT-11] takes lists of data model 1.1", async () => {
  const list = await verifyBits(
    statusList2021Claims(),
    { typ: undefined },
    { kind: "status_list_2021" },
  );
  assert.deepEqual(
    [list.kind, list.issuedAt, list.expiresAt],
    ["status_list_2021", NOW - 60, NOW + 3600],
  );
  const bits = statusList2021Claims({
    type: ["VerifiableCredential", "BitstringStatusListCredential"],
    credentialSubject: {
      type: "BitstringStatusList",
      statusPurpose: "revocation",
      encodedList: encodedList(bitstring()),
    },
  });
  assert.equal((await verifyBits(bits, { typ: "JWT" })).kind, "bitstring");
});

test("[STAT-08] [V14] another configured issuer may sign the list, and nobody else", async () => {
  const list = await verify(
    signToken(other, TOKEN_HEADER, tokenClaims({ iss: OTHER })),
  );
  assert.equal(list.issuer, OTHER);
  for (const [name, wrong] of [
    [
      "an attacker's key under the same kid",
      signToken(attacker, TOKEN_HEADER, tokenClaims()),
    ],
    [
      "an issuer nobody configured",
      signToken(
        attacker,
        TOKEN_HEADER,
        tokenClaims({ iss: "https://evil.example" }),
      ),
    ],
    [
      "the credential's key where another signer is declared",
      signToken(signer, TOKEN_HEADER, tokenClaims({ iss: OTHER })),
    ],
    [
      "another issuer's key where the credential's is declared",
      signToken(other, TOKEN_HEADER, tokenClaims()),
    ],
    [
      "another issuer's key where none is declared",
      signToken(other, TOKEN_HEADER, tokenClaims({ iss: undefined })),
    ],
    [
      "an issuer that is almost it",
      signToken(signer, TOKEN_HEADER, tokenClaims({ iss: `${ISSUER}/` })),
    ],
  ] as const)
    await assert.rejects(verify(wrong), INVALID, name);
  await assert.rejects(
    verifyBits(bitstringClaims({ issuer: OTHER })),
    INVALID,
    "a Bitstring list that declares another signer",
  );
});

test("[X16] a list of an issuer whose keys are not held is not refused but put off", async () => {
  const issuerKeys = (): IssuerKeySource => ({ candidates: () => undefined });
  await assert.rejects(verify(token(), { issuerKeys }), {
    code: "source_unavailable",
  });
});

const [head = "", payload = "", signature = ""] = token().split(".");
const part = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString("base64url");
for (const [name, wrong] of [
  [
    "alg none and no signature",
    `${part({ alg: "none", ...TOKEN_HEADER })}.${payload}.`,
  ],
  [
    "alg none and the signature",
    `${part({ alg: "none", ...TOKEN_HEADER })}.${payload}.${signature}`,
  ],
  ["no signature", `${head}.${payload}.`],
  [
    "another payload",
    `${head}.${part(tokenClaims({ iat: NOW }))}.${signature}`,
  ],
  ["HS256", token({}, { alg: "HS256" })],
  ["an algorithm that the key does not fit", token({}, { alg: "ES256" })],
  ["an unknown kid", token({}, { kid: "k2" })],
  ["a kid that is no text", token({}, { kid: 1 })],
  ["crit", token({}, { crit: ["exp"] })],
  ["b64", token({}, { b64: false })],
  ["jwk", token({}, { jwk: {} })],
  ["jku", token({}, { jku: "https://evil.example/" })],
  ["x5u", token({}, { x5u: "https://evil.example/" })],
  ["typ JWT", token({}, { typ: "JWT" })],
  ["no typ", token({}, { typ: undefined })],
  ["typ of a credential", token({}, { typ: "vc+jwt" })],
  ["typ of a CWT list", token({}, { typ: "statuslist+cwt" })],
  ["another sub", token({ sub: `${URL_OF_LIST}/` })],
  ["no sub", token({ sub: undefined })],
  ["no iat", token({ iat: undefined })],
  ["iat in a string", token({ iat: String(NOW) })],
  ["iat in the future", token({ iat: NOW + 61 })],
  ["nbf in the future", token({ nbf: NOW + 61 })],
  ["expired", token({ exp: NOW })],
  ["exp null", token({ exp: null })],
  ["exp 1e30", token({ exp: 1e30 })],
  ["ttl 0", token({ ttl: 0 })],
  ["ttl -1", token({ ttl: -1 })],
  ["ttl in a string", token({ ttl: "300" })],
  ["iss 7", token({ iss: 7 })],
  ["no list", token({ status_list: undefined })],
  ["a list that is an array", token({ status_list: [] })],
  [
    "bits in a string",
    token({ status_list: { bits: "1", lst: lst(Buffer.alloc(2)) } }),
  ],
  ["bits 3", token({ status_list: { bits: 3, lst: lst(Buffer.alloc(2)) } })],
  ["no lst", token({ status_list: { bits: 1 } })],
  [
    "a list in GZIP",
    token({ status_list: { bits: 1, lst: encodedList(bitstring()).slice(1) } }),
  ],
  ["no token", "<html>"],
  ["nothing", ""],
  ["a million dots", ".".repeat(1_000_000)],
  ["more than 2 MiB", "a".repeat(2 * 1024 * 1024 + 1)],
] as const) {
  test(`[V13] [V22] [STAT-02] a Status List Token with ${name} is refused`, async () => {
    await assert.rejects(verify(wrong), refusalOf(name));
  });
}

const subject = (change: object): unknown => bitstringClaims({}, change);
for (const [name, claims, header] of [
  ["typ of a Token Status List", bitstringClaims(), TOKEN_HEADER],
  ["typ JWT and no vc claim", bitstringClaims(), { typ: "JWT" }],
  ["typ dc+sd-jwt", bitstringClaims(), { typ: "dc+sd-jwt" }],
  ["a vc claim", bitstringClaims({ vc: {} }), {}],
  [
    "another context",
    bitstringClaims({ "@context": ["https://www.w3.org/2018/credentials/v1"] }),
    {},
  ],
  ["no context", bitstringClaims({ "@context": undefined }), {}],
  [
    "not the type of a list",
    bitstringClaims({ type: ["VerifiableCredential"] }),
    {},
  ],
  [
    "the type of another list",
    bitstringClaims({
      type: ["VerifiableCredential", "StatusList2021Credential"],
    }),
    {},
  ],
  [
    "not the type of a credential",
    bitstringClaims({ type: ["BitstringStatusListCredential"] }),
    {},
  ],
  [
    "the id of another list",
    bitstringClaims({ id: "https://issuer.example/status/2" }),
    {},
  ],
  [
    "the jti of another list",
    bitstringClaims({ jti: "https://issuer.example/status/2" }),
    {},
  ],
  ["no issuer", bitstringClaims({ issuer: undefined }), {}],
  ["two issuers", bitstringClaims({ iss: OTHER }), {}],
  ["issuers in an array", bitstringClaims({ issuer: [ISSUER] }), {}],
  [
    "an end gone by",
    bitstringClaims({ validUntil: "2027-01-15T07:59:59Z" }),
    {},
  ],
  ["exp gone by", bitstringClaims({ exp: NOW - 1 }), {}],
  [
    "a start to come",
    bitstringClaims({ validFrom: "2027-01-15T08:02:00Z" }),
    {},
  ],
  [
    "an end that is no date",
    bitstringClaims({ validUntil: "2027-02-30T00:00:00Z" }),
    {},
  ],
  ["an end in seconds", bitstringClaims({ validUntil: NOW + 60 }), {}],
  ["two subjects", bitstringClaims({ credentialSubject: [{}, {}] }), {}],
  ["another subject", subject({ type: "Person" }), {}],
  ["no purpose", subject({ statusPurpose: undefined }), {}],
  ["purposes of no text", subject({ statusPurpose: [1] }), {}],
  ["no list", subject({ encodedList: undefined }), {}],
  [
    "a short list",
    subject({ encodedList: encodedList(Buffer.alloc(1000)) }),
    {},
  ],
  ["ttl in a string", subject({ ttl: "1" }), {}],
] as const) {
  test(`[STAT-08] a Bitstring list with ${name} is refused`, async () => {
    await assert.rejects(verifyBits(claims, header), refusalOf(name));
  });
}

test("[L01] no message says what was in the token", async () => {
  const secret = "U2VjcmV0U2VjcmV0U2VjcmV0";
  for (const change of [
    { sub: secret },
    { iss: { secret } },
    { status_list: { bits: 1, lst: secret } },
  ]) {
    await assert.rejects(verify(token(change)), (error: Error) => {
      assert.doesNotMatch(error.message, /U2Vj/);
      return true;
    });
  }
});

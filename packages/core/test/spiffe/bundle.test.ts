import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { DcrError } from "@accredit/core/errors";
import { parseSpiffeBundle } from "@accredit/core/spiffe";

type Jwk = Record<string, unknown>;
const ec = (namedCurve = "P-256"): Jwk => ({
  ...generateKeyPairSync("ec", { namedCurve }).publicKey.export({
    format: "jwk",
  }),
});
const rsa = (modulusLength: number): Jwk => ({
  ...generateKeyPairSync("rsa", { modulusLength }).publicKey.export({
    format: "jwk",
  }),
});
const P256 = ec();
const RSA = rsa(2048);
const ZERO_N = Buffer.concat([
  Buffer.alloc(1),
  Buffer.from(String(RSA["n"]), "base64url"),
]).toString("base64url");
const good: Jwk = { ...P256, kid: "a", use: "jwt-svid" };
const parse = (document: unknown) =>
  parseSpiffeBundle(
    Buffer.from(
      typeof document === "string" ? document : JSON.stringify(document),
    ),
  );
const kids = async (...keys: unknown[]) => [
  ...(await parse({ keys })).jwtAuthorities.keys(),
];

test("[BNDL-01] [BNDL-09] a bundle is a JWK Set; unknown members are ignored, its trust domain is not in it", async () => {
  const bundle = await parse({
    keys: [good],
    spiffe_sequence: 7,
    spiffe_refresh_hint: 60,
    trust_domains: { x: 1 },
    more: [],
  });
  assert.deepEqual([...bundle.jwtAuthorities.keys()], ["a"]);
  assert.equal(bundle.sequence, 7n);
  assert.equal(bundle.refreshHintSeconds, 60);
  assert.deepEqual(bundle.jwtAuthorities.get("a")?.algorithms, ["ES256"]);
  for (const document of [
    "",
    "[]",
    "{}",
    "null",
    '{"keys":{}}',
    '{"keys":[],"keys":[]}',
    "<html>",
    { keys: "x" },
  ]) {
    await assert.rejects(
      parse(document),
      { code: "bundle_invalid" },
      JSON.stringify(document),
    );
  }
});

test("[BNDL-03] [F13] an empty bundle is a bundle without keys, not an error", async () => {
  assert.equal((await parse({ keys: [] })).jwtAuthorities.size, 0);
});

test("[BNDL-02] [BNDL-04] [X04] [J13] keys of other, unknown or contradictory use are not used", async () => {
  for (const [name, change] of [
    ["x509-svid", { use: "x509-svid" }],
    ["wit-svid", { use: "wit-svid" }],
    ["JWT-SVID", { use: "JWT-SVID" }],
    ["sig", { use: "sig" }],
    ["no use", { use: undefined }],
    ["no kid", { kid: undefined }],
    ["an empty kid", { kid: "" }],
    ["unknown kty", { kty: "OKP" }],
    ["key_ops for encryption", { key_ops: ["encrypt"] }],
    ["alg of another kind", { alg: "RS256" }],
    ["alg HS256", { alg: "HS256" }],
  ] as const) {
    assert.deepEqual(
      await kids({ ...good, ...change }, { ...good, kid: "b" }),
      ["b"],
      name,
    );
  }
  assert.deepEqual(
    await kids(null, 7, [], "x", good),
    ["a"],
    "entries that are no objects",
  );
});

test("[J14] keys too weak or impossible are dropped, the others kept", async () => {
  const flip = (text: unknown): string => {
    const bytes = Buffer.from(String(text), "base64url");
    bytes[5] = (bytes[5] ?? 0) ^ 1;
    return bytes.toString("base64url");
  };
  for (const [name, key] of [
    ["RSA of 1024 bits", rsa(1024)],
    ["RSA with e = 1", { ...RSA, e: "AQ" }],
    ["RSA with an even e", { ...RSA, e: "Ag" }],
    ["RSA with an e of 9 bytes", { ...RSA, e: "AQAAAAAAAAAB" }],
    ["RSA with an e of 2^32 + 1", { ...RSA, e: "AQAAAAE" }],
    ["RSA with a zero byte before e", { ...RSA, e: "AAEAAQ" }],
    ["RSA with a zero byte before n", { ...RSA, n: ZERO_N }],
    ["RSA of more than 8192 bits", { ...RSA, n: "f".repeat(1368) }],
    ["RSA without n", { kty: "RSA", e: "AQAB" }],
    ["a point off the curve", { ...P256, y: flip(P256["y"]) }],
    [
      "x of 31 bytes",
      { ...P256, x: Buffer.alloc(31, 1).toString("base64url") },
    ],
    ["an unknown curve", { ...P256, crv: "secp256k1" }],
    ["__proto__ as a curve", { ...P256, crv: "__proto__" }],
    ["a private key", { ...P256, d: P256["x"] }],
    ["a symmetric key", { kty: "oct", k: "AAAA" }],
    ["padding in x", { ...P256, x: `${String(P256["x"])}=` }],
  ] as const) {
    assert.deepEqual(
      await kids({ ...key, kid: "weak", use: "jwt-svid" }, good),
      ["a"],
      name,
    );
  }
});

test("[SVID-02] the key says which algorithms it verifies", async () => {
  const all = await parse({
    keys: [
      { ...good },
      { ...ec("P-384"), kid: "384", use: "jwt-svid" },
      { ...ec("P-521"), kid: "521", use: "jwt-svid" },
      { ...RSA, kid: "rsa", use: "jwt-svid" },
      { ...RSA, kid: "ps256", use: "jwt-svid", alg: "PS256" },
    ],
  });
  const algorithms = (kid: string) =>
    all.jwtAuthorities.get(kid)?.algorithms.toSorted();
  assert.deepEqual(algorithms("384"), ["ES384"]);
  assert.deepEqual(algorithms("521"), ["ES512"]);
  assert.deepEqual(algorithms("rsa"), [
    "PS256",
    "PS384",
    "PS512",
    "RS256",
    "RS384",
    "RS512",
  ]);
  assert.deepEqual(algorithms("ps256"), ["PS256"]);
});

test("[BNDL-06] one kid names one key, or the document is refused", async () => {
  assert.deepEqual(await kids(good, good), ["a"]);
  for (const [name, second] of [
    ["another key", { ...ec(), kid: "a", use: "jwt-svid" }],
    ["a key of another type", { ...RSA, kid: "a", use: "jwt-svid" }],
    ["a key too weak to use", { ...rsa(1024), kid: "a", use: "jwt-svid" }],
    ["half of it", { ...good, y: undefined }],
  ] as const) {
    for (const keys of [
      [good, second],
      [second, good],
    ]) {
      await assert.rejects(parse({ keys }), { code: "bundle_invalid" }, name);
    }
  }
  // Another use, or a type nobody knows, is another verifier's business.
  const others = [
    { ...ec(), kid: "a", use: "x509-svid" },
    { ...ec(), kid: "a", use: "wit-svid" },
    { kty: "future", kid: "a", use: "jwt-svid" },
  ];
  assert.deepEqual(await kids(...others, good), ["a"]);
});

test("[BNDL-06] one key named twice for two algorithms verifies both", async () => {
  const key = { ...RSA, kid: "a", use: "jwt-svid" };
  const bundle = await parse({
    keys: [
      { ...key, alg: "RS256" },
      { ...key, alg: "PS256" },
    ],
  });
  assert.deepEqual(bundle.jwtAuthorities.get("a")?.algorithms, [
    "RS256",
    "PS256",
  ]);
});

const sequence = async (text: string, before = "") =>
  (await parse(`{${before}"keys":[],"spiffe_sequence":${text}}`)).sequence;

test("[BNDL-07] [F14] the sequence is a whole number of any size, exactly", async () => {
  for (const [text, value] of [
    ["0", 0n],
    ["9007199254740993", 9007199254740993n],
    ["18446744073709551615", 18446744073709551615n],
    [" 7\n", 7n],
  ] as const) {
    assert.equal(await sequence(text), value, text);
  }
  for (const text of [
    '"10"',
    "-1",
    "-0",
    "1.5",
    "1.0",
    "1e2",
    "null",
    "true",
    "[1]",
    "{}",
    "1e400",
    "1".repeat(65),
  ]) {
    await assert.rejects(sequence(text), { code: "bundle_invalid" }, text);
  }
});

test("[BNDL-07] the sequence is the document's own, not a member of something in it", async () => {
  for (const before of [
    '"other":{"spiffe_sequence":1},',
    '"other":[{"spiffe_sequence":1}],',
    String.raw`"other":"\"spiffe_sequence\":1",`,
    String.raw`"\"spiffe_sequence\"":1,`,
  ]) {
    assert.equal(
      await sequence("9007199254740993", before),
      9007199254740993n,
      before,
    );
  }
  const nested = await parse('{"keys":[],"other":{"spiffe_sequence":1}}');
  assert.equal(nested.sequence, undefined);
});

test("[BNDL-08] the hint is whole seconds, or the document is refused", async () => {
  const hint = async (text: string) =>
    (await parse(`{"keys":[],"spiffe_refresh_hint":${text}}`))
      .refreshHintSeconds;
  assert.equal(await hint("0"), 0);
  assert.equal(await hint("2419200"), 2_419_200);
  for (const text of ['"60"', "-1", "1.5", "null", "9007199254740993"])
    await assert.rejects(hint(text), { code: "bundle_invalid" }, text);
  const otherName = await parse('{"keys":[],"refresh_hint":60}');
  assert.equal(otherName.refreshHintSeconds, undefined);
});

test("[X11] a document of many trust domains gives only its own keys", async () => {
  const other = { ...ec(), kid: "b", use: "jwt-svid" };
  const bundle = await parse({
    keys: [good],
    trust_domains: { "other.example": { keys: [other] } },
  });
  assert.deepEqual([...bundle.jwtAuthorities.keys()], ["a"]);
  await assert.rejects(
    parse({ trust_domains: { "other.example": { keys: [other] } } }),
    { code: "bundle_invalid" },
  );
});

test("[SEC-06] a document too large, too deep or not UTF-8 is refused", async () => {
  for (const [name, document] of [
    ["1 MiB and a byte", Buffer.alloc(1024 * 1024 + 1, " ")],
    ["33 levels", Buffer.from(`{"keys":${"[".repeat(32)}${"]".repeat(32)}}`)],
    ["a byte order mark", Buffer.from('\ufeff{"keys":[]}')],
    ["not UTF-8", Buffer.from('{"keys":[],"x":"\xff"}', "latin1")],
  ] as const) {
    await assert.rejects(
      parseSpiffeBundle(document),
      { code: "bundle_invalid" },
      name,
    );
  }
});

test("the keys are frozen, and hold nothing but what verifies", async () => {
  const { jwtAuthorities } = await parse({ keys: [{ ...good, x5t: "x" }] });
  const authority = jwtAuthorities.get("a");
  assert.ok(authority);
  assert.deepEqual(Object.keys(authority.jwk).toSorted(), [
    "crv",
    "kty",
    "x",
    "y",
  ]);
  for (const part of [authority, authority.jwk, authority.algorithms])
    assert.ok(Object.isFrozen(part));
});

test("[BNDL-02] what is skipped is listed with its place and the reason", async () => {
  const { skipped } = await parse({
    keys: [good, { ...good, use: "sig" }, { ...good, use: "x509-svid" }, 7],
  });
  assert.deepEqual(skipped, [
    { index: 1, reason: "unknown use" },
    { index: 2, reason: "expected a certificate in base64 in x5c" },
    { index: 3, reason: "not a JSON object" },
  ]);
});

test("[BNDL-01] [SEC-05] any text either is a bundle or throws a DcrError", async () => {
  const member = fc.oneof(
    fc.constantFrom<unknown>(good, P256, RSA, { ...RSA, use: "jwt-svid" }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc
          .record({
            keys: fc.array(member, { maxLength: 4 }),
            spiffe_sequence: fc.jsonValue({ maxDepth: 1 }),
            spiffe_refresh_hint: fc.jsonValue({ maxDepth: 1 }),
          })
          .map((document) => JSON.stringify(document)),
      ),
      async (text) => {
        try {
          await parse(text);
        } catch (error) {
          assert.ok(error instanceof DcrError, String(error));
          assert.equal(error.code, "bundle_invalid");
        }
      },
    ),
    { numRuns: 300 },
  );
});

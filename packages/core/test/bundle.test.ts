import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { parseSpiffeBundle } from "@accredit/core/spiffe";
import {
  compareBundles,
  DEFAULT_REFRESH_LIMITS,
  nextRefreshSeconds,
} from "@accredit/core/trust";

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

test("[BNDL-06] one kid names one key", async () => {
  assert.deepEqual(await kids(good, good), ["a"]);
  await assert.rejects(
    parse({ keys: [good, { ...ec(), kid: "a", use: "jwt-svid" }] }),
    { code: "bundle_invalid" },
  );
});

test("[BNDL-07] [F14] the sequence is a whole number of any size, exactly", async () => {
  const sequence = async (text: string) =>
    (await parse(`{"keys":[],"spiffe_sequence":${text}}`)).sequence;
  assert.equal(await sequence("0"), 0n);
  assert.equal(await sequence("9007199254740993"), 9007199254740993n);
  for (const text of ['"10"', "-1", "1.5", "null", "[1]", "1e400"]) {
    await assert.rejects(sequence(text), { code: "bundle_invalid" }, text);
  }
});

test("[BNDL-07] bundles are ordered by sequence; where there is none, the newest wins", async () => {
  const make = (sequence: number | undefined, ...keys: Jwk[]) =>
    parse({ keys, spiffe_sequence: sequence });
  const one = await make(1, good);
  const second = { ...ec(), kid: "b", use: "jwt-svid" };
  assert.equal(compareBundles(undefined, one), "first");
  assert.equal(compareBundles(one, await make(1, good)), "same");
  assert.equal(compareBundles(one, await make(2, good)), "newer");
  assert.equal(compareBundles(one, await make(0, good)), "rollback");
  assert.equal(compareBundles(one, await make(1, good, second)), "conflict");
  assert.equal(compareBundles(one, await make(undefined, second)), "newer");
});

test("[BNDL-08] polling follows the hint within its limits", () => {
  for (const [hint, seconds] of [
    [undefined, 75],
    [300, 75],
    [8, 60],
    [0, 60],
    [1200, 300],
    [1_000_000, 300],
  ] as const) {
    assert.equal(
      nextRefreshSeconds(hint, DEFAULT_REFRESH_LIMITS),
      seconds,
      String(hint),
    );
  }
});

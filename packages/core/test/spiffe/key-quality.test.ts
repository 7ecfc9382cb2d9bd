import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { parseSpiffeBundle } from "@accredit/core/spiffe";

type Jwk = Readonly<Record<string, unknown>>;
const EC: Jwk = {
  ...generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
    format: "jwk",
  }),
};
const RSA: Jwk = {
  ...generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({
    format: "jwk",
  }),
};

/** The reason a key is skipped, or undefined where it is used. */
async function skipped(key: Jwk): Promise<string | undefined> {
  const document = JSON.stringify({
    keys: [{ ...key, kid: "a", use: "jwt-svid" }],
  });
  const bundle = await parseSpiffeBundle(Buffer.from(document));
  assert.equal(bundle.jwtAuthorities.size + bundle.skipped.length, 1);
  return bundle.skipped[0]?.reason;
}

function base64url(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(
    hex.padStart(hex.length + (hex.length % 2), "0"),
    "hex",
  ).toString("base64url");
}

/** A modulus with the form the flawed generator gives: a power of 65537 modulo the product of small primes. */
function rocaModulus(): bigint {
  const primes = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71,
    73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151,
    157, 163, 167,
  ];
  const product = primes.reduce((all, prime) => all * BigInt(prime), 1n);
  const start = 2n ** 2047n;
  return start - (start % product) + product + (65_537n ** 77n % product);
}

test("[J14] [SVID-02] RSA keys that anyone can factor or that cost too much are skipped, and the reason is told", async () => {
  const n = BigInt(
    `0x${Buffer.from(String(RSA["n"]), "base64url").toString("hex")}`,
  );
  for (const [name, change, reason] of [
    ["of 2047 bits", { n: base64url(n >> 1n) }, /2048 to 8192 bits, got 2047/],
    ["of 8193 bits", { n: base64url(2n ** 8192n + 1n) }, /got 8193/],
    ["of 16384 bits", { n: base64url(2n ** 16_383n + 1n) }, /got 16384/],
    ["of a million digits", { n: "f".repeat(1_000_000) }, /got \d+$/],
    ["with an even modulus", { n: base64url(n - 1n) }, /small prime factor/],
    [
      "with a modulus of threes",
      { n: base64url(3n ** 1292n) },
      /small prime factor/,
    ],
    [
      "with the ROCA fingerprint",
      { n: base64url(rocaModulus()) },
      /CVE-2017-15361/,
    ],
    ["with e = 1", { e: "AQ" }, /exponent/],
    ["with e = 2", { e: "Ag" }, /exponent/],
    ["with e = 0", { e: "AA" }, /zero byte/],
    ["with e = 65536", { e: "AQAA" }, /exponent/],
    ["with e of 33 bits", { e: "AQAAAAE" }, /exponent/],
    ["with e of a million digits", { e: "f".repeat(1_000_000) }, /exponent/],
    ["with e as a number", { e: 65_537 }, /base64url/],
    ["with n of no bytes", { n: "" }, /base64url/],
    ["with n of zeros", { n: "AAAA" }, /got 0/],
    ["with padding", { n: `${String(RSA["n"])}==` }, /base64url/],
  ] as const) {
    assert.match(
      (await skipped({ ...RSA, ...change })) ?? "used",
      reason,
      name,
    );
  }
  for (const e of ["Aw", "EQ", "AQAB", "_____w"])
    assert.equal(await skipped({ ...RSA, e }), undefined, e);
});

test("[J14] points that are no points of their curve are skipped", async () => {
  const zeros = Buffer.alloc(32).toString("base64url");
  const prime = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  for (const [name, change] of [
    ["the origin", { x: zeros, y: zeros }],
    ["x and y swapped", { x: EC["y"], y: EC["x"] }],
    ["x of the field's size", { x: base64url(prime) }],
    ["x beyond the field", { x: base64url(2n ** 256n - 1n) }],
    ["x of 33 bytes", { x: base64url(2n ** 257n) }],
    ["no y", { y: undefined }],
    ["x in an array", { x: [EC["x"]] }],
    ["another curve's name", { crv: "P-384" }],
    ["a curve in lower case", { crv: "p-256" }],
    ["a curve named like a member of Object", { crv: "constructor" }],
    ["a curve in an array", { crv: ["P-256"] }],
  ] as const) {
    assert.notEqual(await skipped({ ...EC, ...change }), undefined, name);
  }
});

test("[J13] [BNDL-02] what else a key says of itself must fit its use", async () => {
  for (const member of ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]) {
    assert.match(
      (await skipped({ ...EC, [member]: "AA" })) ?? "used",
      /private or symmetric/,
      member,
    );
    assert.match(
      (await skipped({ ...RSA, [member]: null })) ?? "used",
      /private or symmetric/,
      member,
    );
  }
  for (const key_ops of [
    [],
    ["encrypt"],
    ["sign"],
    "verify",
    null,
    {},
    [["verify"]],
  ])
    assert.match(
      (await skipped({ ...EC, key_ops })) ?? "used",
      /key_ops/,
      JSON.stringify(key_ops),
    );
  for (const alg of [
    "ES384",
    "RS256",
    "HS256",
    "none",
    "ES256 ",
    "",
    null,
    7,
    ["ES256"],
    "ECDH-ES",
  ])
    assert.match(
      (await skipped({ ...EC, alg })) ?? "used",
      /alg/,
      JSON.stringify(alg),
    );
  assert.equal(
    await skipped({ ...EC, alg: "ES256", key_ops: ["verify"] }),
    undefined,
  );
});

test("[BNDL-01] members that we do not use change nothing, however wrong they are", async () => {
  for (const more of [
    { x5c: ["not a certificate"] },
    { x5c: [] },
    { x5u: "https://attacker.example/x" },
    { x5t: 7, "x5t#S256": null },
    { ext: true, nbf: 0, exp: 0 },
    { unknown: { d: 1 } },
  ]) {
    assert.equal(
      await skipped({ ...EC, ...more }),
      undefined,
      JSON.stringify(more),
    );
    assert.equal(
      await skipped({ ...RSA, ...more }),
      undefined,
      JSON.stringify(more),
    );
  }
});

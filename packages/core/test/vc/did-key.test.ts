import assert from "node:assert/strict";
import { generateKeyPairSync, createPublicKey } from "node:crypto";
import { test } from "node:test";
import { base58 } from "@scure/base";
import { readDidJwk, readDidKey } from "@accredit/core/vc";

type Jwk = Readonly<Record<string, unknown>>;
const ec = (namedCurve: string): Jwk => ({
  ...generateKeyPairSync("ec", { namedCurve }).publicKey.export({
    format: "jwk",
  }),
});
const ED: Jwk = {
  ...generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }),
};

function bytesOf(member: unknown): Buffer {
  return Buffer.from(String(member), "base64url");
}

/** A did:key of a JWK, made from its parts. */
function didKey(
  prefix: readonly number[],
  key: Uint8Array,
  base: "z" | "u" = "z",
): string {
  const bytes = Buffer.concat([Buffer.from(prefix), key]);
  return `did:key:${base}${base === "z" ? base58.encode(bytes) : bytes.toString("base64url")}`;
}

function compressed({ x, y }: Jwk): Buffer {
  const odd = (bytesOf(y).at(-1) ?? 0) % 2;
  return Buffer.concat([Buffer.from([2 + odd]), bytesOf(x)]);
}

const jwkDid = (value: unknown): string =>
  `did:jwk:${Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url")}`;

test("[KEYR-04] a did:key is its key, under its own value as fragment", () => {
  for (const [name, prefix, jwk, raw, algorithms] of [
    ["Ed25519", [0xed, 0x01], ED, bytesOf(ED["x"]), ["EdDSA", "Ed25519"]],
    ...(
      [
        ["P-256", [0x80, 0x24], "prime256v1", ["ES256"]],
        ["P-384", [0x81, 0x24], "secp384r1", ["ES384"]],
      ] as const
    ).map(([curve, codec, openssl, allowed]) => {
      const key = ec(openssl);
      return [curve, codec, key, compressed(key), allowed] as const;
    }),
  ] as const) {
    for (const base of ["z", "u"] as const) {
      const did = didKey(prefix, raw, base);
      const { issuer, keys } = readDidKey(did);
      assert.equal(issuer, did);
      assert.deepEqual(
        keys,
        [{ id: `${did}#${did.slice(8)}`, jwk: { ...jwk }, algorithms }],
        `${name} ${base}`,
      );
    }
  }
});

test("[KEYR-04] reads the examples of the did:key specification", () => {
  for (const [did, kty] of [
    ["did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "OKP"],
    ["did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169", "EC"],
    ["did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv", "EC"],
    [
      "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
      "EC",
    ],
  ] as const) {
    const [key] = readDidKey(did).keys;
    assert.equal(key?.jwk.kty, kty);
    assert.ok(createPublicKey({ key: { ...key?.jwk }, format: "jwk" }));
  }
});

test("[KEYR-04] [F20] [J14] a did:key that is none we may use is refused", () => {
  const P256 = ec("prime256v1");
  const K1 = ec("secp256k1");
  const good = compressed(P256);
  const flipped = Buffer.from(good);
  flipped[0] = 4;
  const offCurve = Buffer.concat([Buffer.from([2]), Buffer.alloc(32, 0xff)]);
  for (const [name, did, message] of [
    ["secp256k1", didKey([0xe7, 0x01], compressed(K1)), /secp256k1/],
    ["another codec", didKey([0xeb, 0x01], Buffer.alloc(32, 1)), /another/],
    ["X25519", didKey([0xec, 0x01], bytesOf(ED["x"])), /another/],
    [
      "an uncompressed point",
      didKey(
        [0x80, 0x24],
        Buffer.concat([
          Buffer.from([4]),
          bytesOf(P256["x"]),
          bytesOf(P256["y"]),
        ]),
      ),
      /another/,
    ],
    ["a wrong prefix", didKey([0x80, 0x24], flipped), /point/],
    ["no point of the curve", didKey([0x80, 0x24], offCurve), /point/],
    ["a key too short", didKey([0xed, 0x01], Buffer.alloc(31, 9)), /another/],
    ["a key too long", didKey([0xed, 0x01], Buffer.alloc(33, 9)), /another/],
    ["a key of zeros", didKey([0xed, 0x01], Buffer.alloc(32)), /no point/],
    [
      "the identity",
      didKey([0xed, 0x01], Buffer.from([1, ...Buffer.alloc(31)])),
      /no point/,
    ],
    [
      "a point of order 8",
      didKey(
        [0xed, 0x01],
        Buffer.from(
          "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
          "hex",
        ),
      ),
      /no point/,
    ],
    [
      "the other point of order 8",
      didKey(
        [0xed, 0x01],
        Buffer.from(
          "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
          "hex",
        ),
      ),
      /no point/,
    ],
    [
      "y beyond the field",
      didKey([0xed, 0x01], Buffer.alloc(32, 0xff)),
      /no point/,
    ],
    [
      "y of no point",
      didKey([0xed, 0x01], Buffer.from([2, ...Buffer.alloc(31)])),
      /no point/,
    ],
    ["another base", "did:key:f1220", /multibase/],
    ["no base58", "did:key:z0OIl", /base58/],
    [
      "slack in base64url",
      `${didKey([0xed, 0x01], bytesOf(ED["x"]), "u")}=`,
      /multibase/,
    ],
    ["a fragment", `${didKey([0xed, 0x01], bytesOf(ED["x"]))}#x`, /base58/],
    ["nothing", "did:key:", /multibase/],
    ["64k characters", `did:key:z${"2".repeat(65_536)}`, /2048/],
    ["2,000 characters", `did:key:z${"2".repeat(2000)}`, /128/],
    ["another method", "did:web:a.example", /did:key:/],
  ] as const)
    assert.throws(
      () => readDidKey(did),
      { code: "did_invalid", message },
      name,
    );
});

test("[KEYR-04] a did:jwk is its key under #0, whatever kid it has", () => {
  for (const jwk of [
    ED,
    ec("prime256v1"),
    ec("secp521r1"),
    { ...ED, kid: "other", use: "sig", alg: "EdDSA" },
  ]) {
    const did = jwkDid(jwk);
    const [key, ...more] = readDidJwk(did).keys;
    assert.equal(key?.id, `${did}#0`);
    assert.equal(key.jwk.kid, undefined);
    assert.equal(more.length, 0);
  }
});

test("[KEYR-04] [F20] [J13] a did:jwk that is no public signing key of ours is refused", () => {
  const P256 = ec("prime256v1");
  for (const [name, did] of [
    ["a private key", jwkDid({ ...ED, d: ED["x"] })],
    ["a private EC key", jwkDid({ ...P256, d: P256["x"] })],
    ["a symmetric key", jwkDid({ kty: "oct", k: "AAAA" })],
    ["a key for encryption", jwkDid({ ...P256, use: "enc" })],
    ["a key for something else", jwkDid({ ...ED, key_ops: ["sign"] })],
    ["alg that does not fit", jwkDid({ ...ED, alg: "ES256" })],
    ["another curve", jwkDid({ ...ED, crv: "X25519" })],
    ["secp256k1", jwkDid(ec("secp256k1"))],
    [
      "a huge exponent",
      jwkDid({ kty: "RSA", n: "u".repeat(342), e: "f".repeat(300) }),
    ],
    ["members twice", jwkDid('{"kty":"OKP","kty":"EC"}')],
    ["an array", jwkDid([ED])],
    ["null", jwkDid("null")],
    ["no JSON", "did:jwk:AAAA"],
    ["nothing", "did:jwk:"],
    ["padding", `${jwkDid(ED)}=`],
    ["a fragment", `${jwkDid(ED)}#0`],
    ["100 KB", jwkDid({ ...ED, more: "x".repeat(100_000) })],
    ["deep JSON", jwkDid(`${"[".repeat(700)}${"]".repeat(700)}`)],
  ] as const)
    assert.throws(() => readDidJwk(did), { code: "did_invalid" }, name);
});

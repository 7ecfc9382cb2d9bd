import { ECDH } from "node:crypto";
import { base58 } from "@scure/base";
import type { JsonObject } from "../json/index.ts";
import { DcrError } from "../errors.ts";

/** Longer than any key we read; base58 costs time in the square of its length (F20). */
const MAX_MULTIBASE_LENGTH = 128;

/** The keys we know, by the unsigned varint of their multicodec. */
const KEYS = [
  { codec: [0xed, 0x01], name: "Ed25519", bytes: 32, curve: undefined },
  { codec: [0x80, 0x24], name: "P-256", bytes: 33, curve: "prime256v1" },
  { codec: [0x81, 0x24], name: "P-384", bytes: 49, curve: "secp384r1" },
] as const;
const SECP256K1 = [0xe7, 0x01] as const;

/**
 * Decodes a public key in multibase (`z` base58btc or `u` base64url) and multicodec: Ed25519, P-256 or P-384,
 * the latter two as compressed points. secp256k1 is known and not supported.
 *
 * @throws {DcrError} `did_invalid`
 * @see did:key method specification section 3; Controlled Identifiers section 2.2.2
 */
export function decodeMultikey(multibase: string): JsonObject {
  const bytes = decodeMultibase(multibase);
  const is = ([first, second]: readonly [number, number]): boolean =>
    bytes[0] === first && bytes[1] === second;
  if (is(SECP256K1))
    throw invalid("a key of Ed25519, P-256 or P-384", "one of secp256k1");
  const kind = KEYS.find(({ codec }) => is(codec));
  const key = bytes.subarray(2);
  if (kind === undefined || key.length !== kind.bytes)
    throw invalid("a key of Ed25519, P-256 or P-384", "another");
  if (kind.curve === undefined) {
    return {
      kty: "OKP",
      crv: kind.name,
      x: Buffer.from(key).toString("base64url"),
    };
  }
  const half = kind.bytes - 1;
  const point = decompress(key, kind.curve);
  const coordinate = (from: number): string =>
    point.subarray(from, from + half).toString("base64url");
  return {
    kty: "EC",
    crv: kind.name,
    x: coordinate(1),
    y: coordinate(1 + half),
  };
}

function decodeMultibase(multibase: string): Uint8Array {
  if (multibase.length > MAX_MULTIBASE_LENGTH) {
    throw invalid(
      `a multibase key of at most ${MAX_MULTIBASE_LENGTH} characters`,
      `${multibase.length}`,
    );
  }
  const text = multibase.slice(1);
  if (multibase.startsWith("z")) {
    try {
      return base58.decode(text);
    } catch (cause) {
      throw invalid("base58btc after z", "something else", cause);
    }
  }
  const bytes = Buffer.from(text, "base64url");
  if (multibase.startsWith("u") && bytes.toString("base64url") === text)
    return bytes;
  throw invalid("multibase z (base58btc) or u (base64url)", "something else");
}

/** The library refuses an x without a point of the curve. */
function decompress(key: Uint8Array, curve: string): Buffer {
  try {
    const point = ECDH.convertKey(
      key,
      curve,
      undefined,
      undefined,
      "uncompressed",
    );
    return Buffer.from(point as unknown as Uint8Array);
  } catch (cause) {
    throw invalid("a compressed point of its curve", "something else", cause);
  }
}

function invalid(expected: string, came: string, cause?: unknown): DcrError {
  return new DcrError(
    "did_invalid",
    `expected ${expected}, got ${came}`,
    cause === undefined ? undefined : { cause },
  );
}

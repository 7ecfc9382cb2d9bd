import { createPublicKey } from "node:crypto";
import type { JWK } from "jose";
import type { JsonObject } from "../json/index.ts";
import type { JwtSvidAlgorithm } from "./jwt-svid-header.ts";

/** A public key that may verify, with the algorithms its type and curve allow; or why it may not. */
export type KeyVerdict =
  | {
      readonly usable: true;
      readonly jwk: Readonly<JWK>;
      readonly algorithms: readonly JwtSvidAlgorithm[];
    }
  | { readonly usable: false; readonly reason: string };

const CURVES: Readonly<
  Record<
    string,
    { readonly bytes: number; readonly algorithm: JwtSvidAlgorithm }
  >
> = {
  "P-256": { bytes: 32, algorithm: "ES256" },
  "P-384": { bytes: 48, algorithm: "ES384" },
  "P-521": { bytes: 66, algorithm: "ES512" },
};
const RSA_ALGORITHMS: readonly JwtSvidAlgorithm[] = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
];
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
/** Any JWK member that only a private or symmetric key has. */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/**
 * Judges a JWK as a verification key: public, of a known type, strong enough, and saying nothing that
 * contradicts its use. Which algorithms it may verify follows from the key, never from a token (SVID-02).
 */
export function judgeVerificationKey(key: JsonObject): KeyVerdict {
  if (PRIVATE_MEMBERS.some((name) => key[name] !== undefined)) {
    return unusable("it holds private or symmetric key material");
  }
  const { key_ops: operations, alg } = key;
  if (
    operations !== undefined &&
    !(Array.isArray(operations) && operations.includes("verify"))
  ) {
    return unusable("key_ops does not hold verify");
  }
  const verdict =
    key["kty"] === "EC"
      ? judgeEc(key)
      : key["kty"] === "RSA"
        ? judgeRsa(key)
        : unusable("unknown kty");
  if (!verdict.usable || alg === undefined) return verdict;
  const algorithms = verdict.algorithms.filter(
    (algorithm) => algorithm === alg,
  );
  return algorithms.length === 0
    ? unusable("alg does not fit the key")
    : { ...verdict, algorithms };
}

function judgeEc({ crv, x, y }: JsonObject): KeyVerdict {
  const curve =
    typeof crv === "string" && Object.hasOwn(CURVES, crv)
      ? CURVES[crv]
      : undefined;
  if (curve === undefined || typeof crv !== "string")
    return unusable("unknown curve");
  if (
    bytesOf(x)?.length !== curve.bytes ||
    bytesOf(y)?.length !== curve.bytes
  ) {
    return unusable(
      `expected x and y as ${curve.bytes} bytes of canonical base64url`,
    );
  }
  const jwk = Object.freeze({ kty: "EC", crv, x: text(x), y: text(y) });
  return importable(jwk)
    ? { usable: true, jwk, algorithms: [curve.algorithm] }
    : unusable("the point is not on the curve");
}

function judgeRsa({ n, e }: JsonObject): KeyVerdict {
  const modulus = bytesOf(n);
  const exponent = bytesOf(e);
  if (modulus === undefined || exponent === undefined)
    return unusable("expected n and e as canonical base64url");
  const bits = bitLength(modulus);
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {
    return unusable(
      `expected an RSA modulus of ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits, got ${bits}`,
    );
  }
  if (modulus[0] === 0 || exponent[0] === 0)
    return unusable("n or e begins with a zero byte");
  const exponentValue =
    exponent.length > 4 ? Number.NaN : exponent.readUIntBE(0, exponent.length);
  if (!(exponentValue >= 3) || exponentValue % 2 === 0) {
    return unusable("expected an odd RSA exponent from 3, of 32 bits at most");
  }
  const value = BigInt(`0x${modulus.toString("hex")}`);
  if (SMALL_PRIMES.some((prime) => value % prime === 0n))
    return unusable("the modulus has a small prime factor");
  if (isRocaModulus(value)) {
    return unusable(
      "the modulus has the fingerprint of a key factorable by ROCA (CVE-2017-15361)",
    );
  }
  const jwk = Object.freeze({ kty: "RSA", n: text(n), e: text(e) });
  return importable(jwk)
    ? { usable: true, jwk, algorithms: RSA_ALGORITHMS }
    : unusable("not a usable RSA key");
}

/** A member that {@link bytesOf} has read already. */
function text(member: unknown): string {
  return typeof member === "string" ? member : "";
}

/** Node refuses points off the curve and other impossible keys when it imports them. */
function importable(jwk: JWK): boolean {
  try {
    createPublicKey({ key: { ...jwk }, format: "jwk" });
    return true;
  } catch {
    return false;
  }
}

function bytesOf(value: unknown): Buffer | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  const bytes = Buffer.from(value, "base64url");
  return bytes.toString("base64url") === value ? bytes : undefined;
}

function bitLength(bytes: Buffer): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first === -1
    ? 0
    : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}

/** No honest modulus has a factor this small; Node imports one that does. */
const SMALL_PRIMES = [
  2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53,
].map(BigInt);

/**
 * Primes at which a modulus of the flawed generator is always a power of 65537; a sound one passes all of
 * them by chance about once in 2^27.
 *
 * @see Nemec et al., "The Return of Coppersmith's Attack", CCS 2017
 */
const ROCA_PRIMES = [
  11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
];
const ROCA_POWERS = ROCA_PRIMES.map((prime) => {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * 65_537) % prime)
    powers.add(power);
  return { prime: BigInt(prime), powers };
});

function isRocaModulus(modulus: bigint): boolean {
  return ROCA_POWERS.every(({ prime, powers }) =>
    powers.has(Number(modulus % prime)),
  );
}

function unusable(reason: string): KeyVerdict {
  return { usable: false, reason };
}

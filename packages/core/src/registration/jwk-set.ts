import type { JsonObject, JsonValue } from "../json/index.ts";
import type { Mismatch } from "./reason.ts";

const MAX_KEYS = 16;
/** An RSA modulus of 8192 bits takes 1366 characters; no member of a public key needs more, but x5c. */
const MAX_MEMBER_LENGTH = 1366;
/** An RSA exponent of 32 bits. */
const MAX_EXPONENT_LENGTH = 6;
const MAX_LENGTH = 32 * 1024;
/** Types whose private members are known; of another type we could not say whether it is public. */
const PUBLIC_TYPES: ReadonlySet<JsonValue | undefined> = new Set([
  "RSA",
  "EC",
  "OKP",
]);
/** RFC 7518 sections 6.2.2, 6.3.2 and 6.4. */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const EXPECTED = `a JWK Set of 1 to ${MAX_KEYS} public RSA, EC or OKP keys`;

/**
 * What is wrong with a client's `jwks`: it is a JWK Set of public keys of ordinary size (META-09). Its keys
 * are recorded; a SPIFFE client never authenticates with them. Says nothing of what a key holds.
 *
 * @see RFC 7517 section 5; RFC 7591 section 2
 */
export function jwkSetProblem(value: JsonValue): Mismatch | undefined {
  if (!isObject(value)) return mismatch("something else");
  // A key with a `keys` member would be recorded whole.
  if (holdsPrivate(value)) return mismatch("a private or symmetric key");
  const { keys } = value;
  if (!Array.isArray(keys)) return mismatch("no array of keys");
  if (keys.length === 0 || keys.length > MAX_KEYS)
    return mismatch(`${keys.length} keys`);
  for (const [index, key] of (keys as readonly JsonValue[]).entries()) {
    const problem = keyProblem(key);
    if (problem !== undefined) return mismatch(`${problem} at [${index}]`);
  }
  return JSON.stringify(value).length > MAX_LENGTH
    ? mismatch(`one of more than ${MAX_LENGTH} characters`)
    : undefined;
}

function keyProblem(key: JsonValue): string | undefined {
  if (!isObject(key)) return "no object";
  if (holdsPrivate(key)) return "a private or symmetric key";
  if (!PUBLIC_TYPES.has(key["kty"])) return "another type of key";
  const { e } = key;
  if (typeof e === "string" && e.length > MAX_EXPONENT_LENGTH)
    return "an oversized key";
  return Object.values(key).some(
    (member) => typeof member === "string" && member.length > MAX_MEMBER_LENGTH,
  )
    ? "an oversized key"
    : undefined;
}

function holdsPrivate(value: JsonObject): boolean {
  return PRIVATE_MEMBERS.some((name) => value[name] !== undefined);
}

function mismatch(got: string): Mismatch {
  return { expected: EXPECTED, got };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

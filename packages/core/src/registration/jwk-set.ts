import type { JsonObject, JsonValue } from "../json/index.ts";

const MAX_KEYS = 16;
const MAX_MEMBER_LENGTH = 4096;
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/**
 * What was expected of a client's `jwks` that will not do: a JWK Set of public, asymmetric keys (META-09).
 * A SPIFFE client's keys are recorded and never used to authenticate it.
 */
export function judgePublicJwkSet(value: JsonValue): string | undefined {
  const expected = `a JWK Set of 1 to ${MAX_KEYS} public keys`;
  if (!isObject(value)) return expected;
  const { keys } = value;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS)
    return expected;
  for (const key of keys as readonly JsonValue[]) {
    if (
      !isObject(key) ||
      typeof key["kty"] !== "string" ||
      key["kty"] === "oct"
    )
      return expected;
    if (PRIVATE_MEMBERS.some((name) => key[name] !== undefined))
      return `${expected}, without private members`;
    for (const member of Object.values(key)) {
      if (typeof member === "string" && member.length > MAX_MEMBER_LENGTH) {
        return `${expected}, each member at most ${MAX_MEMBER_LENGTH} characters`;
      }
    }
  }
  return undefined;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

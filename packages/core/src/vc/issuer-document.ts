import { DcrError } from "../errors.ts";
import {
  parseStrictJson,
  type JsonObject,
  type JsonValue,
} from "../json/index.ts";

/** A document of an issuer's keys that is larger is refused unread. */
export const MAX_ISSUER_DOCUMENT_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;

/**
 * A document of an issuer, as a strict JSON object.
 *
 * @throws {DcrError} `issuer_keys_invalid`
 */
export function readObject(bytes: Uint8Array): JsonObject {
  let value: JsonValue;
  try {
    value = parseStrictJson(bytes, {
      maxBytes: MAX_ISSUER_DOCUMENT_BYTES,
      maxDepth: MAX_DEPTH,
    });
  } catch (cause) {
    if (cause instanceof DcrError)
      throw new DcrError("issuer_keys_invalid", cause.message, { cause });
    throw cause;
  }
  if (isObject(value)) return value;
  throw issuerKeysInvalid("a JSON object", "another value");
}

/** Whether a value is a JSON object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The error of a document of an issuer's keys. */
export function issuerKeysInvalid(expected: string, came: string): DcrError {
  return new DcrError(
    "issuer_keys_invalid",
    `expected ${expected}, got ${came}`,
  );
}

/** A JSON value as our parser makes it: objects have a null prototype, so no key is special. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

export interface StrictJsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/**
 * Parses UTF-8 bytes as JSON, refusing what JSON.parse lets through: invalid UTF-8, a byte order mark,
 * duplicate member names, numbers that are not finite, depth and size beyond the limits (SEC-06).
 *
 * @throws {DcrError} `json_invalid`
 */
export function parseStrictJson(
  _bytes: Uint8Array,
  _limits: StrictJsonLimits,
): JsonValue {
  throw new Error("not yet");
}

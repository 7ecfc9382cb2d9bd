import { DcrError } from "@accredit/core/errors";
import { parseStrictJson, type JsonObject } from "@accredit/core/json";
import { MAX_BODY_BYTES } from "./read-body.ts";

const MAX_JSON_DEPTH = 32;

/**
 * A request body as one JSON object, strictly (DCR-01, SEC-06).
 *
 * @throws {DcrError} `json_invalid`, `request_malformed`
 */
export function parseJsonObject(body: Uint8Array): JsonObject {
  const value = parseStrictJson(body, {
    maxBytes: MAX_BODY_BYTES,
    maxDepth: MAX_JSON_DEPTH,
  });
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new DcrError(
      "request_malformed",
      "expected a JSON object as the request body",
    );
  }
  return value as JsonObject;
}

import { compactVerify, errors } from "jose";
import type { JWK } from "jose";
import { DcrError } from "../errors.ts";
import { parseStrictJson, type JsonObject } from "../json/index.ts";

/** SEC-06: longer is refused before it is looked at. */
export const MAX_TOKEN_BYTES = 16 * 1024;
const MAX_JSON_DEPTH = 32;

/** A compact JWS taken apart; nothing about it is verified. */
export interface DecodedJws {
  readonly token: string;
  readonly header: JsonObject;
  readonly payload: Uint8Array;
  /** `header.payload`, what the signature covers. */
  readonly signingInput: string;
}

/** A compact JWS whose payload is a JSON object too; nothing about it is verified. */
export type UnverifiedJws = Omit<DecodedJws, "payload"> & {
  readonly payload: JsonObject;
};

/**
 * The gate on the raw text: exactly three segments of canonical unpadded base64url, the header a strict JSON
 * object. What passes means the same to every parser, so that ours and jose's cannot differ.
 *
 * @throws {DcrError} `statement_too_large`, `statement_malformed`
 * @see RFC 7515 section 7.1
 */
export function decodeCompactJws(
  token: string,
  maxBytes = MAX_TOKEN_BYTES,
): DecodedJws {
  if (token.length > maxBytes) {
    throw new DcrError(
      "statement_too_large",
      `expected a token of at most ${maxBytes} bytes, got ${token.length}`,
    );
  }
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  if (first === -1 || second === -1 || token.includes(".", second + 1)) {
    malformed("a compact JWS of three segments", segmentCount(token));
  }
  const header = decodeSegment(token.slice(0, first), "header");
  const payload = decodeSegment(token.slice(first + 1, second), "payload");
  decodeSegment(token.slice(second + 1), "signature");
  return {
    token,
    header: parseObject(header, "header", MAX_TOKEN_BYTES),
    payload,
    signingInput: token.slice(0, second),
  };
}

/**
 * {@link decodeCompactJws}, and the payload read as a strict JSON object, as every JWT's is.
 *
 * @throws {DcrError} `statement_too_large`, `statement_malformed`
 * @see RFC 7519 section 7.2
 */
export function parseCompactJws(
  token: string,
  maxBytes = MAX_TOKEN_BYTES,
): UnverifiedJws {
  const { header, payload, signingInput } = decodeCompactJws(token, maxBytes);
  return {
    token,
    header,
    payload: parseObject(payload, "payload", maxBytes),
    signingInput,
  };
}

/** The text is within its size limit by now. */
function segmentCount(token: string): string {
  const { length } = token.split(".");
  return length === 5
    ? "five, as an encrypted token (JWE) has"
    : `${length === 1 ? "one" : length}`;
}

/**
 * Whether the signature verifies with this key and algorithm. Whatever jose or the platform has against the
 * signature is a no.
 *
 * @see RFC 7515 section 5.2
 */
export async function verifySignature(
  token: string,
  jwk: Readonly<JWK>,
  algorithm: string,
): Promise<boolean> {
  try {
    await compactVerify(token, jwk, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (
      error instanceof errors.JOSEError ||
      error instanceof TypeError ||
      error instanceof DOMException
    ) {
      return false;
    }
    throw error;
  }
}

/** Buffer decodes leniently; encoding what it made again shows anything it overlooked. */
function decodeSegment(segment: string, name: string): Buffer {
  const bytes = Buffer.from(segment, "base64url");
  if (segment === "" || bytes.toString("base64url") !== segment) {
    malformed(
      `canonical base64url without padding in the ${name}`,
      "something else",
    );
  }
  return bytes;
}

function parseObject(
  bytes: Uint8Array,
  name: string,
  maxBytes: number,
): JsonObject {
  try {
    const value = parseStrictJson(bytes, {
      maxBytes,
      maxDepth: MAX_JSON_DEPTH,
    });
    if (value !== null && typeof value === "object" && !Array.isArray(value))
      return value as JsonObject;
  } catch (cause) {
    if (cause instanceof DcrError) {
      throw new DcrError(
        "statement_malformed",
        `in the ${name}: ${cause.message}`,
        { cause },
      );
    }
    throw cause;
  }
  return malformed(`a JSON object in the ${name}`, "another value");
}

function malformed(expected: string, came: string): never {
  throw new DcrError(
    "statement_malformed",
    `expected ${expected}, got ${came}`,
  );
}

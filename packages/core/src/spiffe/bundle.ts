import type { JWK } from "jose";
import { DcrError } from "../errors.ts";
import {
  parseStrictJson,
  type JsonObject,
  type JsonValue,
} from "../json/index.ts";
import type { JwtSvidAlgorithm } from "./jwt-svid.ts";
import { judgeVerificationKey } from "./key-quality.ts";

/** One `jwt-svid` key of a bundle, public members only, checked to be a key we would trust. */
export interface JwtAuthority {
  readonly kid: string;
  /** The algorithms this key may verify: bound to the key type and curve, never to what a token says. */
  readonly algorithms: readonly JwtSvidAlgorithm[];
  /** Frozen; the same object every time, so that jose imports it once. */
  readonly jwk: Readonly<JWK>;
}

/** A key of the document that is not used, and why; shown to operators, never to clients. */
export interface SkippedKey {
  readonly index: number;
  readonly reason: string;
}

/** A parsed SPIFFE bundle document of one trust domain. It does not name its trust domain (BNDL-09). */
export interface SpiffeBundle {
  /** By `kid`. May be empty: then every JWT-SVID of the trust domain is untrusted (BNDL-03). */
  readonly jwtAuthorities: ReadonlyMap<string, JwtAuthority>;
  readonly sequence: bigint | undefined;
  readonly refreshHintSeconds: number | undefined;
  readonly skipped: readonly SkippedKey[];
}

/** A bundle larger than this is refused unread. */
export const MAX_BUNDLE_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;
/** Uses that other verifiers take; known, and not ours (BNDL-02). */
const OTHER_USES = new Set<unknown>(["x509-svid", "wit-svid"]);

/**
 * Parses a SPIFFE bundle document: a JWK Set with SPIFFE's own members. Keys of other uses are passed over;
 * keys of unknown, missing or contradictory use, and keys too weak to trust, are skipped with a reason.
 *
 * @throws {DcrError} `bundle_invalid`
 * @see SPIFFE Trust Domain and Bundle section 4
 */
export async function parseSpiffeBundle(
  document: Uint8Array,
): Promise<SpiffeBundle> {
  const set = parseObject(document);
  const { keys } = set;
  if (!Array.isArray(keys)) throw invalid("a keys array", "none");

  const jwtAuthorities = new Map<string, JwtAuthority>();
  const skipped: SkippedKey[] = [];
  for (const [index, key] of (keys as readonly JsonValue[]).entries()) {
    const verdict = readKey(key);
    if (verdict === undefined) continue;
    if (typeof verdict === "string") {
      skipped.push({ index, reason: verdict });
      continue;
    }
    const same = jwtAuthorities.get(verdict.kid);
    if (
      same !== undefined &&
      JSON.stringify(same.jwk) !== JSON.stringify(verdict.jwk)
    ) {
      throw invalid(
        "each kid to name one key",
        "two different keys under one kid",
      );
    }
    jwtAuthorities.set(verdict.kid, same ?? verdict);
  }
  return {
    jwtAuthorities,
    sequence: readSequence(set["spiffe_sequence"], document),
    refreshHintSeconds: readRefreshHint(set["spiffe_refresh_hint"]),
    skipped,
  };
}

function parseObject(document: Uint8Array): JsonObject {
  try {
    const value = parseStrictJson(document, {
      maxBytes: MAX_BUNDLE_BYTES,
      maxDepth: MAX_DEPTH,
    });
    if (value !== null && typeof value === "object" && !Array.isArray(value))
      return value as JsonObject;
  } catch (cause) {
    if (cause instanceof DcrError)
      throw new DcrError("bundle_invalid", cause.message, { cause });
    throw cause;
  }
  throw invalid("a JSON object", "another value");
}

/** The authority, undefined for a key of another use, or why the key is skipped. */
function readKey(key: JsonValue): JwtAuthority | string | undefined {
  if (key === null || typeof key !== "object" || Array.isArray(key))
    return "not a JSON object";
  const { use, kid } = key as JsonObject;
  if (OTHER_USES.has(use)) return undefined;
  if (use !== "jwt-svid") return use === undefined ? "no use" : "unknown use";
  if (typeof kid !== "string" || kid === "") return "no kid";
  const verdict = judgeVerificationKey(key as JsonObject);
  if (!verdict.usable) return verdict.reason;
  return Object.freeze({
    kid,
    algorithms: verdict.algorithms,
    jwk: verdict.jwk,
  });
}

/**
 * The sequence number, exact to 64 bits and more: as a double it would be rounded, so the digits are read
 * from the text.
 */
function readSequence(
  value: JsonValue | undefined,
  document: Uint8Array,
): bigint | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
    throw invalid(
      "spiffe_sequence to be a whole number from 0",
      "something else",
    );
  }
  if (Number.isSafeInteger(value)) return BigInt(value);
  const digits = /"spiffe_sequence"\s*:\s*([0-9]+)(?![0-9.eE])/.exec(
    Buffer.from(document).toString("utf8"),
  )?.[1];
  if (digits === undefined)
    throw invalid("spiffe_sequence as plain digits", "something else");
  return BigInt(digits);
}

function readRefreshHint(value: JsonValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalid(
      "spiffe_refresh_hint to be whole seconds from 0",
      "something else",
    );
  }
  return value;
}

function invalid(expected: string, came: string): DcrError {
  return new DcrError(
    "bundle_invalid",
    `expected ${expected} in the bundle, got ${came}`,
  );
}

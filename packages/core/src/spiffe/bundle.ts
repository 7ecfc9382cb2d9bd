import type { JWK } from "jose";
import { DcrError } from "../errors.ts";
import {
  parseStrictJson,
  type JsonObject,
  type JsonValue,
  type RootNumberListener,
} from "../json/index.ts";
import { kindOf, quote } from "../lib/quote.ts";
import type { JwtSvidAlgorithm } from "./jwt-svid-header.ts";
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
const KEY_TYPES = new Set<unknown>(["EC", "RSA"]);

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
  let sequenceText: string | undefined;
  const set = parseObject(document, (name, literal) => {
    if (name === "spiffe_sequence") sequenceText = literal;
  });
  const { keys } = set;
  if (!Array.isArray(keys)) throw invalid("a keys array", "none");
  return {
    ...readKeys(keys as readonly JsonValue[]),
    sequence: readSequence(set["spiffe_sequence"], sequenceText),
    refreshHintSeconds: readRefreshHint(set["spiffe_refresh_hint"]),
  };
}

function readKeys(
  keys: readonly JsonValue[],
): Pick<SpiffeBundle, "jwtAuthorities" | "skipped"> {
  const jwtAuthorities = new Map<string, JwtAuthority>();
  const skipped: SkippedKey[] = [];
  const materials = new Map<string, string>();
  for (const [index, entry] of keys.entries()) {
    const candidate = readEntry(entry);
    if (candidate === undefined) continue;
    if (typeof candidate === "string") {
      skipped.push({ index, reason: candidate });
      continue;
    }
    // Before its strength is judged: which of two keys a kid means is not ours to choose (BNDL-06).
    const { kid, key } = candidate;
    const material = materialOf(key);
    if ((materials.get(kid) ?? material) !== material) {
      throw invalid(
        "each kid to name one key",
        "two different keys under one kid",
      );
    }
    materials.set(kid, material);
    const verdict = judgeVerificationKey(key);
    if (!verdict.usable) {
      skipped.push({ index, reason: verdict.reason });
      continue;
    }
    const { jwk = verdict.jwk, algorithms = [] } =
      jwtAuthorities.get(kid) ?? {};
    const all = new Set([...algorithms, ...verdict.algorithms]);
    jwtAuthorities.set(
      kid,
      Object.freeze({ kid, jwk, algorithms: Object.freeze([...all]) }),
    );
  }
  return { jwtAuthorities, skipped };
}

function parseObject(
  document: Uint8Array,
  onRootNumber: RootNumberListener,
): JsonObject {
  try {
    const value = parseStrictJson(
      document,
      { maxBytes: MAX_BUNDLE_BYTES, maxDepth: MAX_DEPTH },
      onRootNumber,
    );
    if (value !== null && typeof value === "object" && !Array.isArray(value))
      return value as JsonObject;
  } catch (cause) {
    if (cause instanceof DcrError)
      throw new DcrError("bundle_invalid", cause.message, { cause });
    throw cause;
  }
  throw invalid("a JSON object", "another value");
}

/** A key that is ours to judge, undefined for one of another use, or why it is skipped. */
function readEntry(
  entry: JsonValue,
): { readonly kid: string; readonly key: JsonObject } | string | undefined {
  if (entry === null || typeof entry !== "object" || Array.isArray(entry))
    return "not a JSON object";
  const key = entry as JsonObject;
  const { use, kid, kty } = key;
  if (OTHER_USES.has(use)) return undefined;
  if (use !== "jwt-svid") return use === undefined ? "no use" : "unknown use";
  if (!KEY_TYPES.has(kty)) return "unknown kty";
  if (typeof kid !== "string" || kid === "") return "no kid";
  return { kid, key };
}

/** What makes two keys the same key; labels such as `alg` do not. */
function materialOf({ kty, crv, x, y, n, e }: JsonObject): string {
  return JSON.stringify([kty, crv, x, y, n, e]);
}

/**
 * The sequence number exactly: as a double it would be rounded from 2^53 on, so it is read from the digits
 * of the text. Anything but a whole number from 0 makes the document invalid, since its order is then unknown.
 */
function readSequence(
  value: JsonValue | undefined,
  literal: string | undefined,
): bigint | undefined {
  if (value === undefined) return undefined;
  if (literal === undefined || !/^[0-9]+$/.test(literal)) {
    throw invalid(
      "spiffe_sequence to be a whole number in plain digits",
      literal === undefined ? kindOf(value) : quote(literal),
    );
  }
  return BigInt(literal);
}

/** Seconds; anything but a whole number from 0 makes the document invalid, as any ill-typed member we use. */
function readRefreshHint(value: JsonValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalid(
      "spiffe_refresh_hint to be whole seconds from 0",
      typeof value === "number" ? `${value}` : kindOf(value),
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

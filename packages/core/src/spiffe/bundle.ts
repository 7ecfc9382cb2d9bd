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
import { readX509Entry, type X509Authority } from "./x509-authority.ts";

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
  /** May be empty: then every X509-SVID of the trust domain is untrusted. */
  readonly x509Authorities: readonly X509Authority[];
  /** The keys of WIT-SVIDs, by `kid`. */
  readonly witAuthorities: ReadonlyMap<string, JwtAuthority>;
  readonly sequence: bigint | undefined;
  readonly refreshHintSeconds: number | undefined;
  readonly skipped: readonly SkippedKey[];
}

/** A bundle larger than this is refused unread. */
export const MAX_BUNDLE_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;
const KEY_TYPES = new Set<unknown>(["EC", "RSA"]);

/**
 * Parses a SPIFFE bundle document: a JWK Set with SPIFFE's own members. Keys of one use are never taken for
 * another; keys of unknown, missing or contradictory use, and keys too weak to trust, are skipped with a reason.
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

type Authorities = Pick<
  SpiffeBundle,
  "jwtAuthorities" | "x509Authorities" | "witAuthorities" | "skipped"
>;

function readKeys(keys: readonly JsonValue[]): Authorities {
  const skipped: SkippedKey[] = [];
  const x509Authorities: X509Authority[] = [];
  const byUse = { "jwt-svid": keyCollector(), "wit-svid": keyCollector() };
  const otherKids = kidsOfOtherUses(keys, "wit-svid");
  for (const [index, entry] of keys.entries()) {
    const candidate = readEntry(entry);
    if (typeof candidate === "string") {
      skipped.push({ index, reason: candidate });
    } else if (candidate.use === "x509-svid") {
      const authority = readX509Entry(candidate.key);
      if (typeof authority === "string")
        skipped.push({ index, reason: authority });
      else x509Authorities.push(authority);
    } else if (candidate.use === "wit-svid" && otherKids.has(candidate.kid)) {
      skipped.push({ index, reason: "its kid names a key of another use too" });
    } else {
      const reason = byUse[candidate.use].add(candidate);
      if (reason !== undefined) skipped.push({ index, reason });
    }
  }
  return {
    jwtAuthorities: byUse["jwt-svid"].authorities,
    witAuthorities: byUse["wit-svid"].authorities,
    x509Authorities,
    skipped,
  };
}

/** WIT-08: what a WIT key's `kid` may not be, as it names one key of the whole bundle. */
function kidsOfOtherUses(
  keys: readonly JsonValue[],
  use: KeyEntry["use"],
): ReadonlySet<unknown> {
  return new Set(
    keys
      .filter(isObject)
      .filter((key) => key["use"] !== use)
      .map(({ kid }) => kid),
  );
}

/** Collects the keys of one use by `kid`. */
function keyCollector(): {
  readonly authorities: ReadonlyMap<string, JwtAuthority>;
  /** Why a key is skipped; undefined for one that was taken. */
  add(candidate: Pick<KeyEntry, "kid" | "key">): string | undefined;
} {
  const authorities = new Map<string, JwtAuthority>();
  const materials = new Map<string, string>();
  return {
    authorities,
    add({ kid, key }) {
      // Before its strength is judged: which of two keys a kid means is not ours to choose (BNDL-06).
      const material = materialOf(key);
      if ((materials.get(kid) ?? material) !== material) {
        throw invalid(
          "each kid to name one key",
          "two different keys under one kid",
        );
      }
      materials.set(kid, material);
      const verdict = judgeVerificationKey(key);
      if (!verdict.usable) return verdict.reason;
      const { jwk = verdict.jwk, algorithms = [] } = authorities.get(kid) ?? {};
      const all = new Set([...algorithms, ...verdict.algorithms]);
      authorities.set(
        kid,
        Object.freeze({ kid, jwk, algorithms: Object.freeze([...all]) }),
      );
      return undefined;
    },
  };
}

/**
 * Reads the JWT keys of a Workload API bundle: a JWK Set whose keys need not say their use (BNDL-11). One
 * that says another use is skipped all the same.
 *
 * @throws {DcrError} `bundle_invalid`
 * @see SPIFFE Workload API section 6.2.2
 */
export function readJwtAuthorities(
  jwks: Uint8Array,
): Pick<SpiffeBundle, "jwtAuthorities" | "skipped"> {
  const { jwtAuthorities, skipped } = readLabelled(jwks, "jwt-svid");
  return { jwtAuthorities, skipped };
}

/**
 * Reads the WIT keys of a Workload API bundle, as {@link readJwtAuthorities} does JWT keys.
 *
 * @throws {DcrError} `bundle_invalid`
 * @see SPIFFE Workload API section 7
 */
export function readWitAuthorities(
  jwks: Uint8Array,
): Pick<SpiffeBundle, "witAuthorities" | "skipped"> {
  const { witAuthorities, skipped } = readLabelled(jwks, "wit-svid");
  return { witAuthorities, skipped };
}

/** Reads a JWK Set whose keys are of one use unless they say another. */
function readLabelled(jwks: Uint8Array, use: KeyEntry["use"]): Authorities {
  const { keys } = parseObject(jwks, () => {});
  if (!Array.isArray(keys)) throw invalid("a keys array", "none");
  return readKeys(
    (keys as readonly JsonValue[]).map((key) =>
      isObject(key) ? { use, ...key } : key,
    ),
  );
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
    if (isObject(value)) return value;
  } catch (cause) {
    if (cause instanceof DcrError)
      throw new DcrError("bundle_invalid", cause.message, { cause });
    throw cause;
  }
  throw invalid("a JSON object", "another value");
}

/** A key with the use it says. */
interface KeyEntry {
  readonly use: "jwt-svid" | "wit-svid" | "x509-svid";
  /** Empty where the use has none. */
  readonly kid: string;
  readonly key: JsonObject;
}

/** A key that is ours to judge, or why it is skipped. */
function readEntry(entry: JsonValue): KeyEntry | string {
  if (!isObject(entry)) return "not a JSON object";
  const { use, kid, kty } = entry;
  if (use === undefined) return "no use";
  if (use !== "jwt-svid" && use !== "wit-svid" && use !== "x509-svid")
    return "unknown use";
  if (use === "x509-svid") {
    // Its key is the certificate's, which may be of Ed25519.
    return KEY_TYPES.has(kty) || kty === "OKP"
      ? { use, kid: "", key: entry }
      : "unknown kty";
  }
  if (!KEY_TYPES.has(kty)) return "unknown kty";
  if (typeof kid !== "string" || kid === "") return "no kid";
  return { use, kid, key: entry };
}

function isObject(value: JsonValue): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
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

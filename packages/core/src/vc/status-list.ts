import { DcrError } from "../errors.ts";
import type { StatusReference } from "./status-reference.ts";
import { inflateGzip, inflateZlib } from "./status-decode.ts";

/** The mechanisms that a list may be of. */
export type StatusListKind = Exclude<StatusReference["kind"], "unknown">;
/** A reference to a list of a mechanism we know. */
export type ListReference = Exclude<StatusReference, { kind: "unknown" }>;

/** The values of one list, decoded once; looking one up costs the same however long it is. */
export interface StatusBits {
  readonly kind: StatusListKind;
  readonly bytes: Uint8Array;
  /** Bits of one entry; of a Bitstring the entry says it, and this is 0. */
  readonly size: number;
  /** What the list tells of; empty where its mechanism has no purposes. */
  readonly purposes: readonly string[];
}

/** What a list says of one credential. */
export type CredentialStatus = "valid" | "revoked" | "suspended";

/** STAT-09: fewer would tell who is meant. */
const MIN_ENTRIES = 131_072;
const TOKEN_SIZES = new Set<unknown>([1, 2, 4, 8]);
const TOKEN_VALUES: readonly (CredentialStatus | undefined)[] = [
  "valid",
  "revoked",
];
/** Purposes that refuse nobody (STAT-10). */
const INFORMATIONAL = new Set(["refresh", "message"]);

/** Whether a purpose tells of something else than withdrawal (STAT-10). */
export function isInformational(purpose: string): boolean {
  return INFORMATIONAL.has(purpose);
}

/**
 * Decodes the `encodedList` of a Bitstring Status List: `u` for base64url, then one GZIP member of 16 KB or more.
 *
 * @throws {DcrError} `status_list_invalid`
 * @see Bitstring Status List sections 2.2 and 3.1
 */
export async function decodeBitstring(
  encodedList: string,
  purposes: readonly string[],
): Promise<StatusBits> {
  if (!encodedList.startsWith("u"))
    throw invalid("u for base64url before encodedList", "something else");
  const bytes = await inflateGzip(base64url(encodedList.slice(1)));
  return bits("bitstring", longEnough(bytes), 0, purposes);
}

/**
 * Decodes the `encodedList` of a StatusList2021: base64 of either alphabet, with padding or without, of one
 * GZIP member of 16 KB or more (STAT-11).
 *
 * @throws {DcrError} `status_list_invalid`
 * @see StatusList2021 section 3
 */
export async function decodeStatusList2021(
  encodedList: string,
  purposes: readonly string[],
): Promise<StatusBits> {
  const text = encodedList
    .replace(/={1,2}$/, "")
    .replaceAll("+", "-")
    .replaceAll("/", "_");
  const bytes = await inflateGzip(base64url(text));
  return bits("status_list_2021", longEnough(bytes), 0, purposes);
}

/**
 * Decodes the `lst` of a Token Status List: base64url of one ZLIB stream.
 *
 * @param size - bits of one entry: 1, 2, 4 or 8
 * @throws {DcrError} `status_list_invalid`
 * @see Token Status List section 4.1
 */
export async function decodeTokenStatusList(
  lst: string,
  size: number,
): Promise<StatusBits> {
  if (!TOKEN_SIZES.has(size))
    throw invalid("bits to be 1, 2, 4 or 8", "another number");
  return bits("token_status_list", await inflateZlib(base64url(lst)), size, []);
}

/**
 * What a list says of the credential that holds this reference. A value without a meaning to us refuses while
 * it lasts (STAT-05).
 *
 * @throws {DcrError} `status_list_invalid`: the list is of another kind or purpose, or has no such entry
 */
export function statusOf(
  list: StatusBits,
  reference: ListReference,
): CredentialStatus {
  if (list.kind !== reference.kind)
    throw invalid(`a list of kind ${reference.kind}`, list.kind);
  if (reference.kind === "token_status_list") {
    const value = leastFirst(list, reference.index);
    return TOKEN_VALUES[value] ?? "suspended";
  }
  const { purpose, index, size } = reference;
  if (!list.purposes.includes(purpose))
    throw invalid("a list of the entry's purpose", "one of another");
  if (
    !Number.isSafeInteger(size) ||
    size < 1 ||
    (list.bytes.length * 8) / size < MIN_ENTRIES
  ) {
    throw invalid(`at least ${MIN_ENTRIES} entries`, "fewer");
  }
  const isSet = mostFirst(list, index, size) !== 0;
  if (isInformational(purpose)) return "valid";
  if (purpose === "revocation") return isSet ? "revoked" : "valid";
  if (purpose === "suspension") return isSet ? "suspended" : "valid";
  throw invalid(
    "purpose revocation, suspension, refresh or message",
    "another",
  );
}

/** Whether two lists say the same of every credential. */
export function isSameList(one: StatusBits, other: StatusBits): boolean {
  return (
    one.kind === other.kind &&
    one.size === other.size &&
    one.purposes.join("\n") === other.purposes.join("\n") &&
    Buffer.compare(one.bytes, other.bytes) === 0
  );
}

/** STAT-03. */
function leastFirst({ bytes, size }: StatusBits, index: number): number {
  const first = inRange(bytes, index, size);
  return ((bytes[first >>> 3] ?? 0) >> (first & 7)) & (2 ** size - 1);
}

/** STAT-09: the first bit of an entry is its most significant. */
function mostFirst({ bytes }: StatusBits, index: number, size: number): number {
  const first = inRange(bytes, index, size);
  let value = 0;
  for (let at = first; at < first + size; at++) {
    const bit = ((bytes[at >>> 3] ?? 0) >> (7 - (at & 7))) & 1;
    value = value * 2 + bit;
  }
  return value;
}

/** The position of an entry's first bit. Lists are at most 2^27 bits long. */
function inRange(bytes: Uint8Array, index: number, size: number): number {
  if (
    !Number.isSafeInteger(index) ||
    index < 0 ||
    (index + 1) * size > bytes.length * 8
  )
    throw invalid("an index within the list", "one beyond it");
  return index * size;
}

function longEnough(bytes: Uint8Array): Uint8Array {
  if (bytes.length * 8 >= MIN_ENTRIES) return bytes;
  throw invalid(`at least ${MIN_ENTRIES} entries`, `${bytes.length * 8}`);
}

function bits(
  kind: StatusListKind,
  bytes: Uint8Array,
  size: number,
  purposes: readonly string[],
): StatusBits {
  return Object.freeze({ kind, bytes, size, purposes });
}

function base64url(text: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (text !== "" && bytes.toString("base64url") === text) return bytes;
  throw invalid("canonical base64url without padding", "something else");
}

function invalid(expected: string, came: string): DcrError {
  return new DcrError(
    "status_list_invalid",
    `expected ${expected} in the status list, got ${came}`,
  );
}

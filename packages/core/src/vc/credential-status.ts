import type { JsonObject, JsonValue } from "../json/index.ts";
import { kindOf, shown } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { isObject } from "./kind.ts";
import type { StatusReference } from "./status-reference.ts";

const KINDS = {
  BitstringStatusListEntry: "bitstring",
  StatusList2021Entry: "status_list_2021",
} as const;
const MAX_REFERENCES = 16;
const MAX_URL_LENGTH = 2048;
const MAX_ENTRY_BITS = 32;

/**
 * Where the credential says its status shows: its `credentialStatus` property and its `status` claim, every
 * entry of either. Entries of mechanisms that nobody knows are told too, since they may be the one that
 * says it is revoked (STAT-12).
 *
 * @throws {DcrError} `claims_invalid`
 * @see Bitstring Status List section 2.1; Token Status List section 6.1
 */
export function readStatusReferences(
  credentialStatus: JsonValue | undefined,
  status: JsonValue | undefined,
): readonly StatusReference[] {
  const entries =
    credentialStatus === undefined
      ? []
      : Array.isArray(credentialStatus)
        ? (credentialStatus as readonly JsonValue[])
        : [credentialStatus];
  const references = [
    ...entries.map(readEntry),
    ...(status === undefined ? [] : readStatusClaim(status)),
  ];
  if (references.length > MAX_REFERENCES)
    refuse(
      "claims_invalid",
      `at most ${MAX_REFERENCES} status entries`,
      `${references.length}`,
    );
  return references;
}

function readEntry(entry: JsonValue): StatusReference {
  if (!isObject(entry))
    return refuse(
      "claims_invalid",
      "credentialStatus to hold objects",
      kindOf(entry),
    );
  const { type } = entry;
  if (typeof type !== "string")
    return refuse(
      "claims_invalid",
      "a status entry to have a type",
      kindOf(type),
    );
  if (type !== "BitstringStatusListEntry" && type !== "StatusList2021Entry")
    return { kind: "unknown", type };
  const listUrl = readUrl(
    entry["statusListCredential"],
    "statusListCredential",
  );
  const { id, statusPurpose: purpose } = entry;
  if (id === listUrl)
    refuse("claims_invalid", "a status entry's own id", "the URL of its list");
  if (typeof purpose !== "string" || purpose === "")
    return refuse("claims_invalid", "statusPurpose", kindOf(purpose));
  return {
    kind: KINDS[type],
    listUrl,
    index: readIndexText(entry["statusListIndex"]),
    purpose,
    size: readSize(entry),
  };
}

function readStatusClaim(status: JsonValue): readonly StatusReference[] {
  const members = isObject(status) ? Object.entries(status) : [];
  if (members.length === 0)
    refuse(
      "claims_invalid",
      "status to be an object of status mechanisms",
      isObject(status) ? "an empty one" : kindOf(status),
    );
  return members.map(([type, value]) =>
    type === "status_list" ? readTokenEntry(value) : { kind: "unknown", type },
  );
}

function readTokenEntry(value: JsonValue): StatusReference {
  if (!isObject(value))
    return refuse(
      "claims_invalid",
      "status_list to be an object",
      kindOf(value),
    );
  const { idx, uri } = value;
  if (typeof idx !== "number" || !Number.isSafeInteger(idx) || idx < 0)
    return refuse("claims_invalid", "idx to be a whole number", kindOf(idx));
  return {
    kind: "token_status_list",
    listUrl: readUrl(uri, "uri"),
    index: idx,
  };
}

/** STAT-07: a string of decimal digits, and nothing that another reader might take for another number. */
function readIndexText(value: JsonValue | undefined): number {
  const index =
    typeof value === "string" && /^(?:0|[1-9][0-9]{0,15})$/.test(value)
      ? Number(value)
      : Number.NaN;
  return Number.isSafeInteger(index)
    ? index
    : refuse(
        "claims_invalid",
        "statusListIndex to be a string of decimal digits",
        shown(value),
      );
}

function readSize({ statusSize, statusMessage }: JsonObject): number {
  const size = statusSize ?? 1;
  if (
    typeof size !== "number" ||
    !Number.isInteger(size) ||
    size < 1 ||
    size > MAX_ENTRY_BITS
  )
    return refuse(
      "claims_invalid",
      `statusSize to be a whole number from 1 to ${MAX_ENTRY_BITS}`,
      kindOf(statusSize),
    );
  const messages = Array.isArray(statusMessage) ? statusMessage.length : 0;
  if (size > 1 && messages !== 2 ** size)
    refuse(
      "claims_invalid",
      `a statusMessage for each of ${2 ** size} values`,
      `${messages}`,
    );
  return size;
}

function readUrl(value: JsonValue | undefined, name: string): string {
  return typeof value === "string" &&
    value.length <= MAX_URL_LENGTH &&
    /^[\x21-\x7e]+$/.test(value) &&
    URL.canParse(value)
    ? value
    : refuse("claims_invalid", `${name} to be a URL`, shown(value));
}

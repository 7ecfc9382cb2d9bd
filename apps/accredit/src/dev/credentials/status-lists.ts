import { deflateSync, gzipSync } from "node:zlib";
import type { JWTPayload } from "jose";
import type { CredentialState, IssuedCredential } from "./issuer-state.ts";

/** The least that a Bitstring Status List has, so that an index tells nothing (section 6.1). */
const ENTRIES = 131_072;
/** How long a list may be used before it is asked for again, seconds: short enough to watch. */
export const STATUS_TTL_SECONDS = 1;
/** How long a list says anything at all, seconds. */
const VALIDITY_SECONDS = 3600;

/** The purposes that have a Bitstring Status List each. */
export const PURPOSES = ["revocation", "suspension"] as const;
export type Purpose = (typeof PURPOSES)[number];

/** Where the lists are: `token` is the Token Status List, the others Bitstring Status Lists. */
export type StatusUrls = Readonly<Record<Purpose | "token", string>>;

/** Who signs a list, and when; epoch seconds. */
export interface ListContext {
  readonly issuer: string;
  readonly urls: StatusUrls;
  readonly issued: readonly IssuedCredential[];
  readonly now: number;
}

/** The status claims of a JWT or SD-JWT, by the Token Status List (section 6). */
export function tokenStatus(
  index: number,
  { token }: StatusUrls,
): Record<string, unknown> {
  return { status_list: { idx: index, uri: token } };
}

/** The `credentialStatus` of a Verifiable Credential: an entry for each purpose. */
export function bitstringStatus(
  index: number,
  urls: StatusUrls,
): readonly Record<string, unknown>[] {
  return PURPOSES.map((purpose) => ({
    id: `${urls[purpose]}#${index}`,
    type: "BitstringStatusListEntry",
    statusPurpose: purpose,
    statusListIndex: String(index),
    statusListCredential: urls[purpose],
  }));
}

const TOKEN_STATUS: Readonly<Record<CredentialState, number>> = {
  valid: 0,
  revoked: 1,
  suspended: 2,
};

/** The claims of the Token Status List: two bits each, the first in the least significant ones (section 4.1). */
export function tokenListClaims(context: ListContext): JWTPayload {
  const { issuer, urls, issued, now } = context;
  const bytes = Buffer.alloc(ENTRIES / 4);
  for (const { index, state } of issued) {
    const at = index >> 2;
    bytes[at] = (bytes[at] ?? 0) | (TOKEN_STATUS[state] << ((index & 3) * 2));
  }
  return {
    iss: issuer,
    sub: urls.token,
    iat: now,
    exp: now + VALIDITY_SECONDS,
    ttl: STATUS_TTL_SECONDS,
    status_list: { bits: 2, lst: deflateSync(bytes).toString("base64url") },
  };
}

/** The Bitstring Status List of a purpose, as a credential: the first entry in the most significant bit. */
export function bitstringListCredential(
  purpose: Purpose,
  { issuer, urls, issued, now }: ListContext,
): JWTPayload {
  const bytes = Buffer.alloc(ENTRIES / 8);
  const raised = purpose === "revocation" ? "revoked" : "suspended";
  for (const { index, state } of issued) {
    if (state !== raised) continue;
    const at = index >> 3;
    bytes[at] = (bytes[at] ?? 0) | (0x80 >> (index & 7));
  }
  return {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    id: urls[purpose],
    type: ["VerifiableCredential", "BitstringStatusListCredential"],
    issuer,
    validFrom: isoTime(now),
    validUntil: isoTime(now + VALIDITY_SECONDS),
    credentialSubject: {
      id: `${urls[purpose]}#list`,
      type: "BitstringStatusList",
      statusPurpose: purpose,
      ttl: STATUS_TTL_SECONDS * 1000, // milliseconds
      encodedList: `u${gzipSync(bytes).toString("base64url")}`,
    },
  };
}

/** How many credentials fit the lists. */
export const MAX_CREDENTIALS = ENTRIES;

/** `xsd:dateTimeStamp` of epoch seconds. */
export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

import { DcrError } from "../errors.ts";
import type { JsonValue } from "../json/index.ts";
import type { UnverifiedJws } from "../lib/compact-jws.ts";
import { isObject } from "./issuer-document.ts";

/** What the token of a status list says, before its signature is checked. Times in epoch seconds. */
export interface StatusListClaims {
  /** Undefined where the token names none, which only a Token Status List may. */
  readonly issuer: string | undefined;
  readonly issuedAt: number | undefined;
  readonly notBefore: number | undefined;
  readonly expiresAt: number | undefined;
  readonly ttlSeconds: number | undefined;
  readonly encoded: string;
  /** Bits of one entry; 0 where the entry says it. */
  readonly size: number;
  readonly purposes: readonly string[];
}

/**
 * Reads a Status List Token (STAT-02).
 *
 * @param url - the list's, which `sub` has to be
 * @throws {DcrError} `status_list_invalid`
 * @see Token Status List section 5.1
 */
export function readTokenClaims(
  { header, payload }: UnverifiedJws,
  url: string,
): StatusListClaims {
  if (header["typ"] !== "statuslist+jwt")
    throw claimsInvalid("typ statuslist+jwt", "another");
  if (payload["sub"] !== url)
    throw claimsInvalid("sub to be the list's URL", "another");
  const { iss, status_list: list } = payload;
  if (iss !== undefined && typeof iss !== "string")
    throw claimsInvalid("iss to be a string", "another value");
  const issuedAt = readSeconds(payload["iat"], "iat");
  if (issuedAt === undefined) throw claimsInvalid("iat", "none");
  const ttlSeconds = readSeconds(payload["ttl"], "ttl");
  if (ttlSeconds === 0) throw claimsInvalid("a positive ttl", "0");
  if (!isObject(list)) throw claimsInvalid("a status_list object", "none");
  const { bits, lst } = list;
  if (typeof bits !== "number" || typeof lst !== "string")
    throw claimsInvalid("bits and lst in status_list", "another value");
  return {
    issuer: iss,
    issuedAt,
    notBefore: readSeconds(payload["nbf"], "nbf"),
    expiresAt: readSeconds(payload["exp"], "exp"),
    ttlSeconds,
    encoded: lst,
    size: bits,
    purposes: [],
  };
}

/**
 * A NumericDate or a number of seconds, fractions dropped; undefined where the claim is absent.
 *
 * @throws {DcrError} `status_list_invalid`
 */
export function readSeconds(
  value: JsonValue | undefined,
  name: string,
): number | undefined {
  if (value === undefined) return undefined;
  if (
    typeof value !== "number" ||
    value < 0 ||
    value > Number.MAX_SAFE_INTEGER
  ) {
    throw claimsInvalid(`${name} to be a number of seconds`, "another value");
  }
  return Math.floor(value);
}

/** The error of a status list's claims. */
export function claimsInvalid(expected: string, came: string): DcrError {
  return new DcrError(
    "status_list_invalid",
    `expected ${expected} in the status list, got ${came}`,
  );
}

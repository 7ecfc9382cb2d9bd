import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import {
  parseCompactJws,
  verifySignature,
  type UnverifiedJws,
} from "../lib/compact-jws.ts";
import { quote } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import {
  checkIssuerAlgorithm,
  onlyFittingKey,
  type IssuerKey,
} from "./issuer-key.ts";
import { readBitstringClaims } from "./status-bitstring-claims.ts";
import {
  decodeBitstring,
  decodeStatusList2021,
  decodeTokenStatusList,
  type StatusBits,
  type StatusListKind,
} from "./status-list.ts";
import {
  readTokenClaims,
  type StatusListClaims,
} from "./status-token-claims.ts";
import type { IssuerKeySource, KeyHint } from "./trust.ts";
import { keyOfCertificates } from "./x5c.ts";

/** A status list in its token; a list that fills it all inflates to far more than we would take. */
export const MAX_STATUS_TOKEN_BYTES = 2 * 1024 * 1024;
/** Headers that would let the token choose its key (SEC-01, J04). */
const FOREIGN_KEYS = ["jwk", "jku", "x5u"];

/** What a status list has to be. */
export interface StatusListExpectation {
  readonly kind: StatusListKind;
  /** Where it was fetched from, as the credential names it. */
  readonly url: string;
  /** The issuer of the credential: a token that names no issuer of its own is this one's. */
  readonly credentialIssuer: string;
  /**
   * The keys of an issuer, who may be another than the credential's (STAT-08); undefined where the server was
   * not told to trust it.
   */
  readonly issuerKeys: (issuer: string) => IssuerKeySource | undefined;
  /** Epoch seconds. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
}

/** A status list whose every check passed. Times in epoch seconds. */
export interface StatusList extends StatusBits {
  readonly url: string;
  readonly issuer: string;
  /** Undefined where the list does not say. */
  readonly issuedAt: number | undefined;
  readonly expiresAt: number | undefined;
  /** How long it may be used before it is fetched again; undefined where the list does not say. */
  readonly ttlSeconds: number | undefined;
}

/**
 * Verifies a status list in its JWT: a Token Status List, or a Bitstring Status List or StatusList2021 secured
 * as a Verifiable Credential. The signature is checked with a key of the issuer that the list itself names,
 * and that has to be a configured one (V13, V14); then times and contents; the bits are decoded last.
 *
 * @throws {DcrError} `status_list_invalid`; `source_unavailable` where its issuer's keys are not held now, the
 * list has expired, or what came is no list
 * @see Token Status List section 8.3; Bitstring Status List section 3.2
 */
export async function verifyStatusListCredential(
  token: string,
  expected: StatusListExpectation,
): Promise<StatusList> {
  try {
    return await verify(token, expected);
  } catch (cause) {
    if (
      !(cause instanceof DcrError) ||
      cause.code === "status_list_invalid" ||
      cause.code === "source_unavailable"
    )
      throw cause;
    throw new DcrError(
      "status_list_invalid",
      `in the status list: ${cause.message}`,
      { cause },
    );
  }
}

async function verify(
  token: string,
  expected: StatusListExpectation,
): Promise<StatusList> {
  // 1. What it is, before anything in it is believed.
  const jws = parseList(token);
  checkHeader(jws.header);
  const claims =
    expected.kind === "token_status_list"
      ? readTokenClaims(jws, expected.url)
      : readBitstringClaims(jws, expected.kind, expected.url);

  // 2. Whose keys decide: those of the issuer it names, which has to be configured.
  const issuer = claims.issuer ?? expected.credentialIssuer;
  const source = findSource(issuer, expected);

  // 3. The signature.
  await checkSignature(jws, issuer, source, expected.now);

  // 4. What the list says of itself, now that it is known who says it.
  checkTimes(claims, expected);
  const bits = await decode(expected.kind, claims);
  const { issuedAt, expiresAt, ttlSeconds } = claims;
  return Object.freeze({
    ...bits,
    url: expected.url,
    issuer,
    issuedAt,
    expiresAt,
    ttlSeconds,
  });
}

/** What looks like a JWS, whatever is in it. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Something else than a list is an endpoint in trouble, not an issuer that says something (V22). */
function parseList(token: string): UnverifiedJws {
  if (!COMPACT_JWS.test(token))
    throw unavailable("a signed list", "something else");
  return parseCompactJws(token, MAX_STATUS_TOKEN_BYTES);
}

function checkHeader(header: JsonObject): void {
  if (header["crit"] !== undefined || header["b64"] !== undefined)
    throw invalid("no critical header", "one");
  if (FOREIGN_KEYS.some((name) => header[name] !== undefined))
    throw invalid("no key or address of one in the header", "one");
}

function findSource(
  issuer: string,
  { issuerKeys }: StatusListExpectation,
): IssuerKeySource {
  return (
    issuerKeys(issuer) ??
    refuse(
      "status_list_invalid",
      "a status list of an issuer this server trusts",
      quote(issuer),
    )
  );
}

async function checkSignature(
  { token, header }: UnverifiedJws,
  issuer: string,
  source: IssuerKeySource,
  now: number,
): Promise<void> {
  const algorithm = checkIssuerAlgorithm(header["alg"]);
  const { kid, x5c } = header;
  if (kid !== undefined && typeof kid !== "string")
    throw invalid("kid to be a string", "another value");
  const { roots = [] } = source;
  const named =
    x5c !== undefined && roots.length > 0
      ? [await keyOfCertificates(x5c, { issuer, roots }, now)]
      : await candidatesOf(source, { kid, algorithm, x5c: undefined });
  if (named === undefined) {
    throw new DcrError(
      "source_unavailable",
      `the keys of ${quote(issuer)} are not available now; try again later`,
      { data: { issuer } },
    );
  }
  const { jwk } = onlyFittingKey(named, algorithm, issuer);
  if (!(await verifySignature(token, jwk, algorithm)))
    throw invalid("a signature by its issuer", "one that does not verify");
}

/** Where none is found, the keys may have changed since they were read. */
async function candidatesOf(
  source: IssuerKeySource,
  hint: KeyHint,
): Promise<readonly IssuerKey[] | undefined> {
  const candidates = source.candidates(hint);
  if (candidates?.length !== 0) return candidates;
  await source.refreshUnknownKey?.();
  return source.candidates(hint);
}

/** An expired list says nothing, however fresh the fetch (STAT-05). */
function checkTimes(
  { issuedAt, notBefore, expiresAt }: StatusListClaims,
  { now, clockToleranceSeconds }: StatusListExpectation,
): void {
  if (expiresAt !== undefined && expiresAt <= now)
    throw unavailable("a list that has not expired", "an expired one");
  const latest = now + clockToleranceSeconds;
  if ((issuedAt ?? 0) > latest || (notBefore ?? 0) > latest)
    throw invalid("a list that is valid by now", "one of the future");
}

function decode(
  kind: StatusListKind,
  { encoded, size, purposes }: StatusListClaims,
): Promise<StatusBits> {
  if (kind === "token_status_list") return decodeTokenStatusList(encoded, size);
  return kind === "bitstring"
    ? decodeBitstring(encoded, purposes)
    : decodeStatusList2021(encoded, purposes);
}

function unavailable(expected: string, came: string): DcrError {
  return new DcrError(
    "source_unavailable",
    `expected ${expected} of the status list's URL, got ${came}`,
  );
}

function invalid(expected: string, came: string): DcrError {
  return new DcrError(
    "status_list_invalid",
    `expected ${expected} in the status list, got ${came}`,
  );
}

import type { JsonObject } from "@bufbuild/protobuf";
import type {
  JWTBundlesResponse,
  JWTSVIDResponse,
  ValidateJWTSVIDResponse,
} from "./gen/workloadapi_pb.ts";
import {
  bundlesByTrustDomain,
  identities,
  invalid,
  redacted,
} from "./response.ts";

/** One JWT-SVID as the Workload API gives it. */
export interface JwtSvid {
  readonly spiffeId: string;
  /** The token itself: a credential, not to be logged. */
  readonly svid: string;
  /** Tells several identities of one workload apart; empty where the endpoint gives none. */
  readonly hint: string;
}

/** What the endpoint found in a JWT-SVID that it verified. */
export interface ValidatedJwtSvid {
  readonly spiffeId: string;
  /** The endpoint may leave out claims that SPIFFE does not define (WAPI-08). */
  readonly claims: JsonObject;
}

/**
 * Checks a FetchJWTSVID response: at least one SVID, each with its mandatory fields (WAPI-10), and
 * none but the identity asked for. Of SVIDs that share a hint the first one counts (WAPI-12).
 *
 * @throws {WorkloadApiError} `response_invalid`
 */
export function readJwtSvids(
  response: JWTSVIDResponse,
  asked: string | undefined,
): readonly JwtSvid[] {
  if (response.svids.length === 0) throw invalid("it holds no JWT-SVID");
  if (response.svids.some(({ svid }) => svid === "")) {
    throw invalid("a JWT-SVID lacks svid");
  }
  return identities("JWT-SVID", response.svids, asked).map(
    ({ spiffeId, svid, hint }) => ({ spiffeId, svid, hint }),
  );
}

/**
 * Checks a FetchJWTBundles message: no bundle is empty (WAPI-10). What the bundles hold is for the
 * reader to judge.
 *
 * @throws {WorkloadApiError} `response_invalid`; `redacted` where it holds no bundle
 */
export function readJwtBundles(
  response: JWTBundlesResponse,
): ReadonlyMap<string, Uint8Array> {
  const bundles = bundlesByTrustDomain(response.bundles, (bundle) => bundle);
  if (bundles.size === 0) throw redacted("bundle");
  return bundles;
}

/**
 * Checks a ValidateJWTSVID response: ID and claims are there (WAPI-10).
 *
 * @throws {WorkloadApiError} `response_invalid`
 */
export function readValidation({
  spiffeId,
  claims,
}: ValidateJWTSVIDResponse): ValidatedJwtSvid {
  if (spiffeId === "") throw invalid("it lacks spiffe_id");
  if (claims === undefined) throw invalid("it lacks claims");
  return { spiffeId, claims };
}

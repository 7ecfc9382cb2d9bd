import { WorkloadApiError } from "./error.ts";
import type {
  JWTBundlesResponse,
  JWTSVIDResponse,
} from "./gen/workloadapi_pb.ts";
import { printable } from "./printable.ts";

/** One JWT-SVID as the Workload API gives it. */
export interface JwtSvid {
  readonly spiffeId: string;
  /** The token itself: a credential, not to be logged. */
  readonly svid: string;
  /** Tells several identities of one workload apart; empty where the endpoint gives none. */
  readonly hint: string;
}

/** The standard's limit for a hint, in bytes. */
const MAX_HINT_BYTES = 1024;

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
  const hints = new Set<string>();
  const svids: JwtSvid[] = [];
  for (const { spiffeId, svid, hint } of response.svids) {
    if (spiffeId === "") throw invalid("a JWT-SVID lacks spiffe_id");
    if (svid === "") throw invalid("a JWT-SVID lacks svid");
    if (asked !== undefined && spiffeId !== asked) {
      throw invalid(`expected ${printable(asked)}, got ${printable(spiffeId)}`);
    }
    if (Buffer.byteLength(hint) > MAX_HINT_BYTES) {
      throw invalid(`a hint is longer than ${MAX_HINT_BYTES} bytes`);
    }
    if (hint !== "" && hints.has(hint)) continue;
    hints.add(hint);
    svids.push({ spiffeId, svid, hint });
  }
  return svids;
}

/**
 * Checks a FetchJWTBundles message: at least one bundle, none of them empty (WAPI-10). What the
 * bundles hold is for the reader to judge.
 *
 * @throws {WorkloadApiError} `response_invalid`
 */
export function readJwtBundles(
  response: JWTBundlesResponse,
): ReadonlyMap<string, Uint8Array> {
  const bundles = new Map(Object.entries(response.bundles));
  if (bundles.size === 0) throw invalid("it holds no bundle");
  for (const [trustDomain, bundle] of bundles) {
    if (trustDomain === "") throw invalid("a bundle names no trust domain");
    if (bundle.length === 0) {
      throw invalid(`the bundle of ${printable(trustDomain)} is empty`);
    }
  }
  return bundles;
}

function invalid(why: string): WorkloadApiError {
  return new WorkloadApiError(
    "response_invalid",
    `the Workload API's answer is unusable: ${why}`,
  );
}

import { DcrError } from "../errors.ts";
import { parseSpiffeId, type SpiffeId, type TrustDomainName } from "./id.ts";

/**
 * A SPIFFE ID that stands for many: `spiffe://<trust domain>/<path>/*`. It covers every ID below the path,
 * however deep. Not a pattern of the configuration, in which `*` is one segment.
 *
 * @see draft-ietf-oauth-spiffe-client-auth section 5.1
 */
export interface SpiffeIdWildcard {
  /** As written, with the closing `/*`. */
  readonly uri: string;
  readonly trustDomain: TrustDomainName;
}

const SUFFIX = "/*";

/**
 * Parses a wildcard. One without a path before the star would cover a whole trust domain and is refused
 * (CAUTH-19).
 *
 * @throws {DcrError} `spiffe_id_invalid`
 */
export function parseSpiffeIdWildcard(text: string): SpiffeIdWildcard {
  if (!text.endsWith(SUFFIX)) throw invalid("another ending");
  const { trustDomain, path } = parseSpiffeId(text.slice(0, -SUFFIX.length));
  if (path === "") throw invalid("a whole trust domain");
  return { uri: text, trustDomain };
}

/** Whether a SPIFFE ID is below the wildcard's path: `.../client/*` does not cover `.../client123`. */
export function coversSpiffeId(
  wildcard: SpiffeIdWildcard,
  id: SpiffeId,
): boolean {
  return id.uri.startsWith(wildcard.uri.slice(0, -1));
}

function invalid(came: string): DcrError {
  return new DcrError(
    "spiffe_id_invalid",
    `expected spiffe://<trust domain>/<path>/*, got ${came}`,
  );
}

import { AccreditClientError } from "./error.ts";
import { exchange, type RequestSettings } from "./lib/exchange.ts";
import { refusal, isTemporary } from "./lib/refusal.ts";
import {
  parseServerMetadata,
  requireIssuer,
  type AuthorizationServerMetadata,
} from "./metadata.ts";

/**
 * Fetches an authorization server's metadata. The document must name the very issuer that was asked for.
 *
 * @param issuer - https, or http on this machine; compared byte for byte
 * @throws {AccreditClientError} `issuer_invalid`, `issuer_mismatch`, `metadata_invalid`,
 * `temporarily_unavailable`, `server_unreachable`, `response_invalid`
 * @throws the signal's reason
 * @see RFC 8414 section 3
 */
export async function discover(
  issuer: string,
  settings: RequestSettings = {},
): Promise<AuthorizationServerMetadata> {
  const url = wellKnownUrl(issuer);
  const answer = await exchange(
    url,
    { headers: { Accept: "application/json" } },
    settings,
  );
  if (isTemporary(answer.status)) throw refusal("metadata", answer);
  if (answer.status !== 200 || answer.body === undefined) {
    throw new AccreditClientError(
      "response_invalid",
      `expected authorization server metadata at ${url}, got ${answer.got}`,
      { status: answer.status },
    );
  }
  return parseServerMetadata(answer.body, issuer);
}

/** The well-known part goes between host and path (RFC 8414 section 3.1). */
function wellKnownUrl(issuer: string): string {
  const url = requireIssuer(issuer);
  const path = url.pathname.replace(/\/$/, "");
  return `${url.origin}/.well-known/oauth-authorization-server${path}`;
}

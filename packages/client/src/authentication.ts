import type { Fetch } from "./lib/exchange.ts";
import {
  requireEndpoint,
  type AuthorizationServerMetadata,
} from "./metadata.ts";
import type { IdentityChoice, MutualTls } from "./mutual-tls.ts";
import type { RegisteredClient } from "./registered-client.ts";
import { fetchJwtSvid, type JwtSvidSource } from "./svid-source.ts";

/** How a client proves itself at the token endpoint, as its metadata names it. */
export type AuthenticationMethod = "spiffe_jwt" | "spiffe_x509";

/** The `client_assertion_type` of a JWT-SVID. */
export const JWT_SPIFFE_ASSERTION_TYPE =
  "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/** One proof of who the client is, for one request. */
export interface Proof {
  /** Who the SVID says the client is. */
  readonly spiffeId: string;
  /** Where to send the request. */
  readonly endpoint: string;
  /** What the request has to say of the client. */
  parameters(client: RegisteredClient): readonly (readonly [string, string])[];
  /** What sends the request; undefined for the usual one. */
  readonly fetch?: Fetch | undefined;
}

/** Makes a proof from a new SVID for each request. */
export type Authenticate = (
  metadata: AuthorizationServerMetadata,
  choice: IdentityChoice,
) => Promise<Proof>;

/**
 * `spiffe_jwt`: a JWT-SVID whose only audience is the issuer identifier.
 *
 * @see draft-ietf-oauth-spiffe-client-auth section 3.1
 */
export function authenticateByJwtSvid(svids: JwtSvidSource): Authenticate {
  return async (metadata, choice) => {
    const endpoint = requireEndpoint(metadata, "token_endpoint");
    const { svid, spiffeId } = await fetchJwtSvid(
      svids,
      metadata.issuer,
      choice,
    );
    return {
      spiffeId,
      endpoint,
      parameters: ({ clientId }) => [
        ["client_id", clientId],
        ["client_assertion_type", JWT_SPIFFE_ASSERTION_TYPE],
        ["client_assertion", svid],
      ],
    };
  };
}

/**
 * `spiffe_x509`: mutual TLS with an X.509-SVID, at the token endpoint's alias where the server has one. The
 * `client_id` is the SPIFFE ID, whatever else the server calls the client.
 *
 * @see draft-ietf-oauth-spiffe-client-auth section 3.2; RFC 8705 section 5
 */
export function authenticateByX509Svid(mutualTls: MutualTls): Authenticate {
  return async (metadata, choice) => {
    const endpoint =
      metadata.mtls_endpoint_aliases?.token_endpoint ??
      requireEndpoint(metadata, "token_endpoint");
    const { spiffeId, fetch } = await mutualTls.identity(choice);
    return {
      spiffeId,
      endpoint,
      parameters: () => [["client_id", spiffeId]],
      fetch,
    };
  };
}

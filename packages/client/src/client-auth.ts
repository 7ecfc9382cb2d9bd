import { JWT_SPIFFE_ASSERTION_TYPE } from "./authentication.ts";
import { fetchJwtSvid, type JwtSvidSource } from "./svid-source.ts";

/**
 * Client authentication as oauth4webapi (3) and openid-client (6) take it. Both wait for the promise.
 */
export type ClientAuth = (
  server: { readonly issuer: string },
  client: { readonly client_id: string },
  body: URLSearchParams,
  headers: Headers,
) => Promise<void>;

/**
 * `spiffe_jwt` for libraries that let a function authenticate the client: puts a new JWT-SVID for the
 * server into each request.
 *
 * @param svids - a Workload API client
 * @throws {AccreditClientError} the function, not this: `svid_unavailable`
 * @see draft-ietf-oauth-spiffe-client-auth section 3.1
 */
export function spiffeJwtClientAuth(
  svids: JwtSvidSource,
  { spiffeId }: { readonly spiffeId?: string | undefined } = {},
): ClientAuth {
  return async (server, client, body) => {
    const { svid } = await fetchJwtSvid(svids, server.issuer, { spiffeId });
    body.set("client_id", client.client_id);
    body.set("client_assertion_type", JWT_SPIFFE_ASSERTION_TYPE);
    body.set("client_assertion", svid);
  };
}

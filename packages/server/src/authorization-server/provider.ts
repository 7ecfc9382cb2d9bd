import Provider, { type Configuration } from "oidc-provider";
import type { JWK } from "jose";
import type { Clock } from "@accredit/core/ports";
import type { AuthenticatedClient } from "../client-authentication/authenticate.ts";
import { wantsBoundTokens } from "../client-authentication/certificate-binding.ts";
import { boundClient } from "./authenticated-requests.ts";
import { clientAdapter, sanUri } from "./client-adapter.ts";
import { tiedTokenId } from "./token-id.ts";

/** What the embedded provider is made of. */
export interface ProviderOptions {
  readonly issuer: string;
  readonly clock: Clock;
  readonly privateJwks: readonly JWK[];
  readonly accessTokenTtlSeconds: number;
  /** The audience of a token whose request names no resource. */
  readonly defaultResource: string;
}

/** The only path of oidc-provider that is ever asked for. */
export const PROVIDER_TOKEN_PATH = "/token";

/**
 * Makes the oidc-provider instance: the token route and nothing else. Every hook asks whether our step
 * authenticated this very request, and refuses where it did not (ADR 0001).
 */
export function createProvider(options: ProviderOptions): Provider {
  return new Provider(options.issuer, providerConfiguration(options));
}

function providerConfiguration(options: ProviderOptions): Configuration {
  const { accessTokenTtlSeconds } = options;
  return {
    adapter: clientAdapter,
    jwks: { keys: options.privateJwks.map((jwk) => ({ ...jwk })) },
    routes: { token: PROVIDER_TOKEN_PATH },
    responseTypes: [],
    scopes: [],
    clientAuthMethods: ["tls_client_auth"],
    clientBasedCORS: () => false,
    clientDefaults: {
      grant_types: ["client_credentials"],
      response_types: [],
      token_endpoint_auth_method: "tls_client_auth",
      id_token_signed_response_alg: "ES256",
    },
    ttl: {
      ClientCredentials: (ctx) => lifetimeOf(boundClient(ctx.req), options),
    },
    formats: {
      customizers: {
        jwt: (ctx, token, { payload }) => {
          payload["jti"] = tokenIdOf(token.jti, boundClient(ctx.req));
        },
      },
    },
    extraTokenClaims: (ctx) => instanceClaims(boundClient(ctx.req)),
    features: {
      clientCredentials: { enabled: true },
      // Every one of these would be a second door; only the token endpoint is ever reached.
      devInteractions: { enabled: false },
      registration: { enabled: false },
      introspection: { enabled: false },
      revocation: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      dPoP: { enabled: false },
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        certificateBoundAccessTokens: true,
        getCertificate: (ctx) => certificateOf(boundClient(ctx.req)),
        certificateAuthorized: (ctx) => boundClient(ctx.req) !== undefined,
        certificateSubjectMatches: (ctx, property, expected) =>
          property === "tls_client_auth_san_uri" &&
          matchesBound(boundClient(ctx.req), expected),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => options.defaultResource,
        getResourceServerInfo: (ctx, resource) => ({
          scope: boundClient(ctx.req)?.client.metadata.scope ?? "",
          audience: resource,
          accessTokenTTL: accessTokenTtlSeconds,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  };
}

/**
 * The certificate that a token is bound to, else a word: to authenticate, oidc-provider asks only whether
 * there is one, since our step checked the proof. A client that wants bound tokens never gets the word.
 */
function certificateOf(
  bound: AuthenticatedClient | undefined,
): string | undefined {
  if (bound === undefined) return undefined;
  const { binding, client, method } = bound;
  if (binding !== undefined)
    return Buffer.from(binding.certificate).toString("base64");
  return wantsBoundTokens(client) ? undefined : `verified by ${method}`;
}

/** Seconds that a token lasts: never longer than the certificate it is bound to (TOK-09). */
function lifetimeOf(
  bound: AuthenticatedClient | undefined,
  { accessTokenTtlSeconds, clock }: ProviderOptions,
): number {
  if (bound?.binding === undefined) return accessTokenTtlSeconds;
  const left = bound.binding.expiresAt - clock.now();
  return Math.max(1, Math.min(accessTokenTtlSeconds, left));
}

/**
 * `act` names the instance where one client stands for many: `sub` is then the client, and the SPIFFE ID
 * that was proven is who acts (RFC 8693 section 4.1).
 */
function instanceClaims(
  bound: AuthenticatedClient | undefined,
): { readonly act: { readonly sub: string } } | undefined {
  if (bound === undefined) return undefined;
  const instance = bound.subject;
  return instance === bound.client.subject
    ? undefined
    : { act: { sub: instance } };
}

function tokenIdOf(
  random: string,
  bound: AuthenticatedClient | undefined,
): string {
  if (bound === undefined)
    throw new Error("a token would be issued to a client that nobody proved");
  return tiedTokenId(random, bound.client);
}

function matchesBound(
  bound: AuthenticatedClient | undefined,
  expected: string,
): boolean {
  return bound !== undefined && sanUri(bound.client) === expected;
}

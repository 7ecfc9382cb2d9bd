import { createWorkloadApiClient } from "@accredit/workload-api";
import {
  authenticateByJwtSvid,
  authenticateByX509Svid,
  type AuthenticationMethod,
} from "./authentication.ts";
import { SYSTEM_CLOCK, type Clock } from "./clock.ts";
import type { RequestSettings } from "./lib/exchange.ts";
import { checkAuthorities, createHttpsFetch } from "./lib/https-fetch.ts";
import { requireIssuer } from "./metadata.ts";
import { createMutualTls } from "./mutual-tls.ts";
import { createTokenObtainer } from "./obtain-token.ts";
import type { JwtSvidSource, X509SvidSource } from "./svid-source.ts";
import { cacheTokens, type AccessToken } from "./token-cache.ts";

/** Which tokens are wanted, from whom, and by which SVIDs. */
export interface TokenSourceOptions extends Omit<RequestSettings, "signal"> {
  /** The server's issuer identifier. */
  readonly issuer: string;
  /** The Workload API's address, or a client of it, which stays the caller's to close. */
  readonly workloadApi: string | (JwtSvidSource & X509SvidSource);
  /** How the client proves itself for a token; `spiffe_jwt` by default. It registers with a JWT-SVID. */
  readonly method?: AuthenticationMethod | undefined;
  /** The one identity to use. Default: the workload's default identity, whichever it is by then. */
  readonly spiffeId?: string | undefined;
  /** Scope to ask for; the registered one where absent. */
  readonly scope?: string | undefined;
  /** What the token is for (RFC 8707). */
  readonly resource?: string | readonly string[] | undefined;
  /** Client metadata to register, over `grant_types` and `token_endpoint_auth_method`. */
  readonly clientMetadata?: Readonly<Record<string, unknown>> | undefined;
  /** Authorities of server certificates (PEM), instead of the system's. Not for a `fetch` given here. */
  readonly ca?: string | undefined;
  readonly clock?: Clock | undefined;
  /** From 0 to 1, without 1; `Math.random` by default. */
  readonly random?: (() => number) | undefined;
}

/** Gives access tokens for as long as the workload runs. */
export interface TokenSource {
  /**
   * A token that is good now. Most calls are answered from memory; the first one registers the client and
   * asks for a token, and one in the later life of a token has a new one fetched behind it. Callers share
   * what goes on; one that aborts leaves it to the others.
   *
   * @throws {AccreditClientError} only where there is no good token and none to be had; while it waits
   * before the next attempt it fails at once, with `retryAfterSeconds`
   * @throws the signal's reason
   */
  getToken(settings?: {
    readonly signal?: AbortSignal | undefined;
  }): Promise<AccessToken>;
  /** Ends what goes on and forgets the token. Resolves when nothing is left of it. */
  close(): Promise<void>;
}

/**
 * Makes a source of access tokens. It opens nothing before the first token is asked for, and has no timers
 * between requests.
 *
 * @throws {AccreditClientError} `issuer_invalid`
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 * @throws {TypeError} `ca` holds no certificate
 * @see draft-ietf-oauth-spiffe-client-auth
 */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { issuer, workloadApi, method = "spiffe_jwt", ca, timeoutMs } = options;
  requireIssuer(issuer);
  checkAuthorities(ca);
  const owned =
    typeof workloadApi === "string"
      ? createWorkloadApiClient({ address: workloadApi })
      : undefined;
  const svids = owned ?? (workloadApi as JwtSvidSource & X509SvidSource);
  const clock = options.clock ?? SYSTEM_CLOCK;
  const https =
    ca === undefined || options.fetch !== undefined
      ? undefined
      : createHttpsFetch({ ca });
  const mutualTls =
    method === "spiffe_x509"
      ? createMutualTls({ svidSource: svids, ca })
      : undefined;

  const obtain = createTokenObtainer({
    issuer,
    svids,
    authenticate:
      mutualTls === undefined
        ? authenticateByJwtSvid(svids)
        : authenticateByX509Svid(mutualTls),
    spiffeId: options.spiffeId,
    clientMetadata: {
      grant_types: ["client_credentials"],
      token_endpoint_auth_method: method,
      ...options.clientMetadata,
    },
    parameters: tokenParameters(options),
    clock,
    settings: { fetch: options.fetch ?? https?.fetch, timeoutMs },
  });
  const cache = cacheTokens(obtain, {
    clock,
    random: options.random ?? Math.random,
  });
  return {
    getToken: ({ signal } = {}) => cache.getToken(signal),
    async close() {
      await cache.close();
      mutualTls?.close();
      https?.close();
      owned?.close();
    },
  };
}

function tokenParameters({
  scope,
  resource = [],
}: TokenSourceOptions): readonly (readonly [string, string])[] {
  return [
    ...(scope === undefined ? [] : [["scope", scope] as const]),
    ...[resource].flat().map((each) => ["resource", each] as const),
  ];
}

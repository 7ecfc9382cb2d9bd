import { JWT_SVID_ALGORITHMS } from "@accredit/core/spiffe";
import { ISSUER_ALGORITHMS } from "@accredit/core/vc";
import type { ClientAuthMethod } from "@accredit/core/registration";
import { PATHS, type Endpoints } from "../endpoints.ts";
import { SUPPORTED_GRANT_TYPES } from "../authorization-server/token-request.ts";

/** What the metadata says of mutual TLS. */
export interface MutualTlsMetadata {
  /** Whether client certificates can reach the server at all. */
  readonly certificateBoundTokens: boolean;
  /** Where endpoints ask for client certificates, if not where they always are. */
  readonly origin?: string | undefined;
}

/** What signs assertions: SVIDs by their own list, clients' own keys by EdDSA too. */
function assertionAlgorithms(
  methods: readonly ClientAuthMethod[],
): readonly string[] {
  return methods.includes("private_key_jwt")
    ? ISSUER_ALGORITHMS
    : JWT_SVID_ALGORITHMS;
}

/**
 * Authorization server metadata (RFC 8414 section 2): what this server does, and nothing it does not.
 * `response_types_supported` is empty because there is no authorization endpoint; RFC 8414 requires the
 * member and asks to leave out empty arrays, and clients that parse it strictly want it there.
 */
export function authorizationServerMetadata(
  endpoints: Endpoints,
  authMethods: readonly ClientAuthMethod[],
  scopes: readonly string[],
  mutualTls: MutualTlsMetadata,
): Record<string, unknown> {
  return {
    issuer: endpoints.issuer,
    token_endpoint: endpoints.token,
    registration_endpoint: endpoints.registration,
    introspection_endpoint: endpoints.introspection,
    revocation_endpoint: endpoints.revocation,
    jwks_uri: endpoints.jwks,
    grant_types_supported: SUPPORTED_GRANT_TYPES,
    response_types_supported: [],
    ...(scopes.length === 0 ? {} : { scopes_supported: scopes }),
    token_endpoint_auth_methods_supported: authMethods,
    token_endpoint_auth_signing_alg_values_supported:
      assertionAlgorithms(authMethods),
    introspection_endpoint_auth_methods_supported: authMethods,
    introspection_endpoint_auth_signing_alg_values_supported:
      assertionAlgorithms(authMethods),
    revocation_endpoint_auth_methods_supported: authMethods,
    revocation_endpoint_auth_signing_alg_values_supported:
      assertionAlgorithms(authMethods),
    // ASM-05; no challenge_endpoint, since a proof is good once without one.
    ...(authMethods.includes("spiffe_wit") && {
      client_attestation_signing_alg_values_supported: JWT_SVID_ALGORITHMS,
      client_attestation_pop_signing_alg_values_supported: JWT_SVID_ALGORITHMS,
    }),
    ...(mutualTls.certificateBoundTokens && {
      tls_client_certificate_bound_access_tokens: true,
    }),
    ...(mutualTls.origin !== undefined && {
      mtls_endpoint_aliases: aliases(mutualTls.origin + endpoints.basePath),
    }),
  };
}

/** RFC 8705 section 5. */
function aliases(base: string): Record<string, string> {
  return {
    token_endpoint: base + PATHS.token,
    registration_endpoint: base + PATHS.registration,
    introspection_endpoint: base + PATHS.introspection,
    revocation_endpoint: base + PATHS.revocation,
  };
}

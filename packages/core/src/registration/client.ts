import type { SpiffeId } from "../spiffe/id.ts";

/** Where the value of a client metadata field came from. */
export type Provenance = "attested" | "template" | "requested" | "default";

/** The authentication methods of a client that holds SVIDs. */
export type SpiffeAuthMethod = "spiffe_jwt" | "spiffe_x509" | "spiffe_wit";

/** The effective client metadata of a client, by RFC 7591 names, all validated. */
export interface ClientMetadata {
  readonly token_endpoint_auth_method: SpiffeAuthMethod;
  readonly grant_types: readonly string[];
  readonly response_types: readonly string[];
  readonly redirect_uris?: readonly string[];
  readonly scope?: string;
  readonly client_name?: string;
  readonly client_uri?: string;
  readonly logo_uri?: string;
  readonly tos_uri?: string;
  readonly policy_uri?: string;
  readonly contacts?: readonly string[];
  readonly jwks_uri?: string;
  readonly jwks?: {
    readonly keys: readonly Readonly<Record<string, unknown>>[];
  };
  readonly software_id?: string;
  readonly software_version?: string;
  readonly application_type?: "web" | "native";
  readonly spiffe_id: string;
  readonly spiffe_bundle_endpoint?: string;
  readonly tls_client_certificate_bound_access_tokens?: boolean;
  /** `client_name#de` and the like (META-06, META-07). */
  readonly [localized: `${string}#${string}`]: string;
}

/**
 * A client that a SPIFFE credential registered. There is no member that could hold a secret: the
 * draft's MUST NOT (DCR-TI-08) is this type.
 */
export interface SpiffeClient {
  readonly kind: "spiffe";
  readonly clientId: string;
  readonly spiffeId: SpiffeId;
  /** Epoch seconds of the first registration; registering again keeps it. */
  readonly issuedAt: number;
  /** Epoch seconds of the last registration. */
  readonly updatedAt: number;
  readonly metadata: ClientMetadata;
  /** One entry for every member of `metadata`. */
  readonly provenance: Readonly<Record<string, Provenance>>;
  /** The resources the policy rule allowed, RFC 8707 identifiers. */
  readonly resources: readonly string[];
  /** The name of the policy rule that admitted it. */
  readonly rule: string;
}

/** Every kind of client; VC clients join here. */
export type RegisteredClient = SpiffeClient;

import type { StatusReference } from "../vc/status-reference.ts";

/** Where the value of a client metadata field came from. */
export type Provenance = "attested" | "template" | "requested" | "default";

/** The authentication methods of a client that holds SVIDs. */
export type SpiffeAuthMethod = "spiffe_jwt" | "spiffe_x509" | "spiffe_wit";

/** Every authentication method a client may have. None of them is a shared secret. */
export type ClientAuthMethod = SpiffeAuthMethod | "private_key_jwt";

/** The effective client metadata of a client, by RFC 7591 names, all validated. */
export interface ClientMetadata {
  readonly token_endpoint_auth_method: ClientAuthMethod;
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
  /** The attested SPIFFE ID, or the wildcard that the policy registers it under; SPIFFE clients alone. */
  readonly spiffe_id?: string;
  readonly spiffe_bundle_endpoint?: string;
  readonly tls_client_certificate_bound_access_tokens?: boolean;
  /** `client_name#de` and the like (META-06, META-07). */
  readonly [localized: `${string}#${string}`]: string;
}

/** What every client has. There is no member that could hold a secret: the draft's MUST NOT is this type. */
interface Client {
  readonly clientId: string;
  /** The trust domain name or the issuer that vouched for it. */
  readonly trust: string;
  /** Whom the credential names: a SPIFFE ID, or the subject of a Verifiable Credential. */
  readonly subject: string;
  /** Tells the clients of one subject apart, as the caller's `software_id` did; else empty. */
  readonly softwareId: string;
  /** Epoch seconds of the first registration; registering again keeps it. */
  readonly issuedAt: number;
  /**
   * Names the first registration: registering again keeps it, and a client that was deleted and comes again
   * under the same `clientId` has another. Null where it is older than such names.
   */
  readonly registrationId: string | null;
  /** Epoch seconds of the last registration. */
  readonly updatedAt: number;
  /** Epoch seconds until which the registration lasts unless it is renewed; null: until it is withdrawn. */
  readonly leaseExpiresAt: number | null;
  readonly metadata: ClientMetadata;
  /** One entry for every member of `metadata`. */
  readonly provenance: Readonly<Record<string, Provenance>>;
  /** The resources the policy rule allowed, RFC 8707 identifiers. */
  readonly resources: readonly string[];
  /** The name of the policy rule that admitted it. */
  readonly rule: string;
}

/**
 * A client that a SPIFFE credential registered. `subject` is its SPIFFE ID, or the wildcard
 * `spiffe://<trust domain>/<path>/*` where it stands for every instance below a path.
 */
export interface SpiffeClient extends Client {
  readonly kind: "spiffe";
}

/** A client that a Verifiable Credential registered; it authenticates with a key of its own. */
export interface VcClient extends Client {
  readonly kind: "vc";
  readonly credential: RegisteredCredential;
  /** Base64url SHA-256 of the registration access token; null where it has none. */
  readonly managementTokenHash: string | null;
}

/** What of its credential a client goes on depending on. Never the credential itself. */
export interface RegisteredCredential {
  readonly format: string;
  readonly types: readonly string[];
  /** Base64url SHA-256 of what was signed. */
  readonly fingerprint: string;
  /** Epoch seconds. */
  readonly expiresAt: number;
  /** Where its revocation would show. */
  readonly status: readonly StatusReference[];
}

/** Every kind of client. */
export type RegisteredClient = SpiffeClient | VcClient;

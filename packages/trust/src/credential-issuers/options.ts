import type { CredentialIssuerTrust } from "@accredit/core/vc";
import type { FetchDocument } from "../fetch-document.ts";
import type { KeeperClock, KeeperLog } from "../options.ts";

/** How documents on the web are fetched and kept. */
export interface WebKeyOptions {
  /** A PEM file of certificates to trust beside the system's; read anew at each poll. */
  readonly caFile?: string | undefined;
  /** Whether the host may be at a private or special-use address. Default: false. */
  readonly allowPrivateAddresses?: boolean | undefined;
  /** The shortest time between polls, in seconds. Default: 60. */
  readonly refreshFloorSeconds?: number | undefined;
  /** The longest time between polls, in seconds. Default: 300. */
  readonly refreshCeilingSeconds?: number | undefined;
}

/** Where the keys of an issuer come from; fixed by the operator, never found out from a credential (VC-01). */
export type IssuerKeyOptions =
  /** A JWK Set in a local file; the file is the truth, so its keys do not age. */
  | { readonly kind: "jwks_file"; readonly path: string }
  | ({ readonly kind: "jwks_uri"; readonly url: string } & WebKeyOptions)
  /** The JWT VC Issuer Metadata of the issuer, which is an https URL. */
  | ({ readonly kind: "metadata" } & WebKeyOptions)
  /** The issuer is a DID: did:web, did:jwk or did:key. */
  | ({ readonly kind: "did" } & WebKeyOptions)
  /** PEM certificates that the chains in `x5c` headers have to lead to. */
  | { readonly kind: "x5c_roots_file"; readonly path: string };

/** One issuer of credentials to keep the keys of. */
export interface CredentialIssuerOptions extends Omit<
  CredentialIssuerTrust,
  "keys"
> {
  readonly keySource: IssuerKeyOptions;
  /** Whether the server is not ready without it. Default: true. */
  readonly required?: boolean | undefined;
  /** How long keys are used after the last successful read, in seconds. Default: 86400. */
  readonly maxStaleSeconds?: number | undefined;
}

/** What a keeper of issuers' keys is made of. */
export interface CredentialIssuerKeeperOptions {
  readonly issuers: readonly CredentialIssuerOptions[];
  readonly clock: KeeperClock;
  readonly log: KeeperLog;
  /** From 0 to below 1; spreads retries. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Default: `fetchDocument`. */
  readonly fetch?: FetchDocument | undefined;
}

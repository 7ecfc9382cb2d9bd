import type { SpiffeBundle } from "../spiffe/bundle.ts";
import type { TrustDomainName } from "../spiffe/id.ts";
import type { CredentialIssuerTrust } from "../vc/trust.ts";

/** What `iss` must be on a JWT-SVID of a trust domain at registration (AMB-01). */
export interface IssuerRule {
  readonly mode: "require" | "if_present" | "ignore";
  readonly values: readonly string[];
}

/** One trust domain that the server was told to trust, and the keys it holds for it now. */
export interface SpiffeTrust {
  readonly trustDomain: TrustDomainName;
  readonly issuer: IssuerRule;
  /** Whether a JWT-SVID must carry `kid` (AMB-16). */
  readonly keyId: "optional" | "required";
  /** Undefined while no bundle has ever loaded, or once the last one is too old to use. */
  readonly bundle: SpiffeBundle | undefined;
  /** Whether the last attempt to refresh the bundle failed, so that it may lack keys that are published. */
  readonly refreshFails?: boolean | undefined;
  /**
   * Reads the bundle once more for a key it lacks, however many ask, and not more often than its source
   * bears; true where the bundle is another one now.
   */
  readonly refreshUnknownKey?: (() => Promise<boolean>) | undefined;
}

/**
 * Where verification asks for keys. Answers from memory and never blocks: a live source refreshes
 * behind it. The only key of the question is the trust domain's name (SVID-06, FED-09).
 */
export interface TrustSource {
  /** Undefined when this trust domain is not configured. */
  spiffe(trustDomain: TrustDomainName): SpiffeTrust | undefined;
  /** Undefined when this issuer of Verifiable Credentials is not configured; compared byte for byte. */
  credentialIssuer?(issuer: string): CredentialIssuerTrust | undefined;
}

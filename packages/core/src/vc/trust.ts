import type { X509Authority } from "../spiffe/x509-authority.ts";
import type { IssuerKey } from "./issuer-key.ts";

/** In the place of types: whatever the type is. For an issuer that makes client credentials and nothing else. */
export const ANY_TYPE = "*";

/** How a Verifiable Credential is secured and laid out; fixed by its form and `typ` (DCR-TI-18). */
export type CredentialFormat = "jwt_vc" | "vc+jwt" | "dc+sd-jwt";

/**
 * What ties a credential to a key of its holder (AMB-11): nothing has to; it has to name the key (`cnf.jwk`);
 * its presenter has to prove the key with a Key Binding JWT.
 */
export type KeyBindingRule = "off" | "cnf" | "kb_jwt";

/** One issuer of Verifiable Credentials that the server was told to trust, and for what. */
export interface CredentialIssuerTrust {
  /** As credentials write it; compared byte for byte. */
  readonly issuer: string;
  /** The credential types (`type`, `vct`) that may register clients; empty lets none (VC-13, X10). */
  readonly types: readonly string[];
  readonly formats: readonly CredentialFormat[];
  /** Of the algorithms of VC-02 those that this issuer uses; a key narrows them further. */
  readonly algorithms: readonly string[];
  readonly keyBinding: KeyBindingRule;
  /** Whether a credential has to say where its revocation would show (AMB-09). */
  readonly status: "required" | "if_present" | "off";
  /** Ceiling for the time from issuance to expiry, in seconds. */
  readonly maxLifetimeSeconds: number;
  readonly keys: IssuerKeySource;
}

/** What a token's header says of the key that signed it; nothing of it is verified. */
export interface KeyHint {
  readonly kid: string | undefined;
  readonly algorithm: string;
  /** Certificates as the header has them, base64 of DER, leaf first; only their shape has been checked. */
  readonly x5c: readonly string[] | undefined;
}

/** The keys of one issuer, wherever they come from. Answers from memory, never from what a token brings along. */
export interface IssuerKeySource {
  /** The keys that may have signed; undefined while no keys have ever loaded, or they are too old to use. */
  candidates(hint: KeyHint): readonly IssuerKey[] | undefined;
  /**
   * Where the configuration names roots for this issuer: a token that has `x5c` is verified with the key of
   * its first certificate, which has to lead to one of them (KEYR-02). Without roots `x5c` is passed over.
   */
  readonly roots?: readonly X509Authority[] | undefined;
  /**
   * Reads the keys again because a token names one that is not among them: rate-limited, and one read for
   * all who ask. True where the keys are others now; for live sources alone.
   */
  refreshUnknownKey?(): Promise<boolean>;
}

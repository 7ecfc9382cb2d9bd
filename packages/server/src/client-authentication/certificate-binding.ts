import { DcrError } from "@accredit/core/errors";
import { verifyX509Svid, type X509PathCache } from "@accredit/core/spiffe";
import type { Clock } from "@accredit/core/ports";
import type { RegisteredClient } from "@accredit/core/registration";
import type { TrustSource } from "@accredit/core/trust";
import type { CertificateChain } from "../http/client-certificate.ts";
import type { ProvenCredential } from "./authenticate.ts";

/** The certificate that a token is bound to. */
export interface CertificateBinding {
  /** DER. */
  readonly certificate: Uint8Array;
  /** Epoch seconds of its end: no token bound to it lasts longer (TOK-09). */
  readonly expiresAt: number;
}

/** What verifying a client's certificate needs of the world. */
export interface CertificatePorts {
  readonly clock: Clock;
  readonly trust: TrustSource;
  readonly clockToleranceSeconds: number;
  readonly certificatePaths: X509PathCache;
}

/** Whether a client's metadata wants its tokens bound to its certificate (RFC 8705 section 3.4). */
export function wantsBoundTokens({ metadata }: RegisteredClient): boolean {
  return metadata.tls_client_certificate_bound_access_tokens === true;
}

/**
 * What the tokens of a client are bound to: its certificate in TLS, also where a JWT-SVID authenticates. It
 * must then be an X509-SVID of the same SPIFFE ID, so that who steals the one cannot bind it to his own.
 *
 * @returns undefined where the request came without a certificate
 * @throws {DcrError} `client_mismatch`, `credential_expired` and what `verifyX509Svid` throws
 * @see RFC 8705 section 3
 */
export async function certificateBinding(
  credential: ProvenCredential,
  certificates: CertificateChain | undefined,
  ports: CertificatePorts,
): Promise<CertificateBinding | undefined> {
  const [certificate] = certificates ?? [];
  if (certificates === undefined || certificate === undefined) return undefined;
  const svid =
    credential.kind === "x509-svid"
      ? credential
      : await verifyCertificates(certificates, ports);
  if (svid.subject.uri !== credential.subject.uri) {
    throw new DcrError(
      "client_mismatch",
      "the TLS certificate names another SPIFFE ID than the credential does",
    );
  }
  if (svid.expiresAt <= ports.clock.now()) {
    throw new DcrError(
      "credential_expired",
      "expected a certificate that outlives the token, got one that ends now",
    );
  }
  return { certificate, expiresAt: svid.expiresAt };
}

/** Verifies a presented chain as an X509-SVID, anew for each request whatever the handshake found (X509-09). */
export function verifyCertificates(
  chain: CertificateChain,
  { clock, trust, clockToleranceSeconds, certificatePaths }: CertificatePorts,
) {
  return verifyX509Svid(chain, trust, {
    now: clock.now(),
    clockToleranceSeconds,
    usage: "client",
    cache: certificatePaths,
  });
}

import { DcrError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import type { SkippedKey } from "./bundle.ts";
import {
  parseCertificate,
  type ParsedCertificate,
} from "./x509-certificate.ts";

/** One X.509 authority of a bundle: a certificate that may sign SVIDs, directly or over intermediates. */
export interface X509Authority {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly subject: string;
  /** Epoch seconds. */
  readonly expiresAt: number;
  /** Base64url SHA-256 of the DER. */
  readonly fingerprint: string;
  /** Parsed once, for the path mathematics. */
  readonly parsed: ParsedCertificate;
}

/**
 * Reads an `x509-svid` entry of a bundle document, or says why it is skipped. The first certificate counts, whatever
 * follows it; `kid` means nothing here (BNDL-05).
 *
 * @see X509-SVID section 6
 */
export function readX509Entry({ x5c }: JsonObject): X509Authority | string {
  const [first] = Array.isArray(x5c) ? (x5c as readonly JsonValue[]) : [];
  if (typeof first !== "string" || !BASE64.test(first))
    return "expected a certificate in base64 in x5c";
  return readX509Authority(Buffer.from(first, "base64"));
}

const BASE64 =
  /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** An X.509 authority, or why a certificate is none. */
function readX509Authority(der: Uint8Array): X509Authority | string {
  let parsed: ParsedCertificate;
  try {
    parsed = parseCertificate(der);
  } catch (error) {
    if (error instanceof DcrError) return error.message;
    throw error;
  }
  if (!parsed.isAuthority) return "the certificate is no authority";
  // X509-08: no path may hold one, so operators are told now and not by their workloads.
  if (parsed.keyUsage?.keyCertSign !== true)
    return "the certificate has no key usage keyCertSign";
  const { subject, notAfter: expiresAt, fingerprint } = parsed;
  return Object.freeze({
    certificate: der,
    subject,
    expiresAt,
    fingerprint,
    parsed,
  });
}

/**
 * Reads the X.509 authorities of a Workload API bundle: certificates in DER, one each.
 *
 * @see SPIFFE Workload API section 5.2
 */
export function readX509Authorities(certificates: readonly Uint8Array[]): {
  readonly x509Authorities: readonly X509Authority[];
  readonly skipped: readonly SkippedKey[];
} {
  const x509Authorities: X509Authority[] = [];
  const skipped: SkippedKey[] = [];
  for (const [index, der] of certificates.entries()) {
    const authority = readX509Authority(der);
    if (typeof authority === "string")
      skipped.push({ index, reason: authority });
    else x509Authorities.push(authority);
  }
  return { x509Authorities, skipped };
}

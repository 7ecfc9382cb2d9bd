import { DcrError } from "../errors.ts";
import { quote } from "../lib/quote.ts";
import { parseSpiffeId, type SpiffeId } from "./id.ts";
import type { ParsedCertificate } from "./x509-certificate.ts";
import type { X509SvidRequirements } from "./x509-svid.ts";

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

/**
 * The workload that the one URI name is; what other names say is nobody's business (X509-01).
 *
 * @throws {DcrError} `subject_invalid`, `subject_not_a_workload`
 * @see X509-SVID section 2
 */
export function readSubject(leaf: ParsedCertificate): SpiffeId {
  const [uri, ...more] = leaf.uris;
  if (uri === undefined || more.length > 0) {
    throw new DcrError(
      "subject_invalid",
      `expected one URI subject alternative name, got ${leaf.uris.length}`,
    );
  }
  let subject: SpiffeId;
  try {
    subject = parseSpiffeId(uri);
  } catch (cause) {
    throw new DcrError(
      "subject_invalid",
      `expected a SPIFFE ID as URI name, got ${quote(uri)}`,
      { cause },
    );
  }
  if (subject.path === "") {
    throw new DcrError(
      "subject_not_a_workload",
      "expected the SPIFFE ID of a workload, got that of a trust domain",
    );
  }
  return subject;
}

/**
 * A leaf signs nothing, and its names are critical where nothing else names it (X509-04, X509-07).
 *
 * @throws {DcrError} `certificate_invalid`
 * @see X509-SVID sections 4.1 and 5.2
 */
export function checkLeaf(leaf: ParsedCertificate): void {
  if (leaf.isAuthority) throw invalid("no authority", "basicConstraints cA");
  if (leaf.keyUsage?.keyCertSign) throw invalid("no keyCertSign", "it");
  if (leaf.keyUsage?.cRLSign) throw invalid("no cRLSign", "it");
  if (leaf.subjectIsEmpty && !leaf.alternativeNamesCritical) {
    throw invalid(
      "a critical subject alternative name where the subject is empty",
      "one that is not",
    );
  }
}

/**
 * What its key may do (X509-05, X509-06).
 *
 * @throws {DcrError} `certificate_invalid`
 * @see X509-SVID sections 4.3 and 4.4
 */
export function checkUsage(
  { keyUsage, extendedKeyUsage }: ParsedCertificate,
  usage: X509SvidRequirements["usage"],
): void {
  if (keyUsage === undefined) throw invalid("key usage", "none");
  if (!keyUsage.critical) throw invalid("critical key usage", "another");
  if (!keyUsage.digitalSignature) throw invalid("digitalSignature", "none");
  const wanted = usage === "client" ? CLIENT_AUTH : SERVER_AUTH;
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.includes(wanted)) {
    throw invalid(
      `extended key usage ${usage}Auth where there is one`,
      "others",
    );
  }
}

/**
 * Judges the validity at the moment given; an expired certificate has no leeway.
 *
 * @throws {DcrError} `credential_expired`, `credential_not_yet_valid`
 * @see RFC 5280 section 4.1.2.5
 */
export function checkTime(
  { notBefore, notAfter }: ParsedCertificate,
  { now, clockToleranceSeconds }: X509SvidRequirements,
): void {
  if (now > notAfter) {
    throw new DcrError(
      "credential_expired",
      `the certificate expired ${now - notAfter} seconds ago`,
    );
  }
  if (now + clockToleranceSeconds < notBefore) {
    throw new DcrError(
      "credential_not_yet_valid",
      `the certificate is not valid for another ${notBefore - now} seconds`,
    );
  }
}

function invalid(expected: string, came: string): DcrError {
  return new DcrError(
    "certificate_invalid",
    `expected ${expected} on an X509-SVID, got ${came}`,
  );
}

import { createHash, X509Certificate } from "node:crypto";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import { judgeVerificationKey } from "./key-quality.ts";
import { readCount, readDer, TAG, type DerValue } from "./x509-der.ts";
import { readExtensions, type Extensions } from "./x509-extensions.ts";
import { isStrongSignature } from "./x509-signature.ts";

/** A parsed certificate; nothing about it is verified. Times in epoch seconds. */
export interface ParsedCertificate extends Extensions {
  readonly der: Uint8Array;
  /** Base64url SHA-256 of the DER: `x5t#S256` (RFC 8705 section 3.1). */
  readonly fingerprint: string;
  readonly serialNumber: string;
  /** The signature algorithm's name. */
  readonly algorithm: string;
  readonly subject: string;
  readonly subjectIsEmpty: boolean;
  /** Whether it names itself as its issuer. */
  readonly isSelfIssued: boolean;
  readonly notBefore: number;
  readonly notAfter: number;
  /** For signatures and name chaining, by OpenSSL. */
  readonly native: X509Certificate;
}

/** A certificate larger than this is refused unread. */
const MAX_CERTIFICATE_BYTES = 16 * 1024;
/** Fields of a certificate by their identifier octets. */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
/** Version 3, the one with extensions, is written as 2. */
const VERSION_3 = 2;

/**
 * Parses one certificate, strictly: DER of exactly this length, no repeated extension, no critical
 * extension that we do not act on, a signature algorithm and a key strong enough.
 *
 * The time it takes is in proportion to the bytes, which anybody may send.
 *
 * @throws {DcrError} `certificate_malformed`
 * @see RFC 5280 section 4
 */
export function parseCertificate(der: Uint8Array): ParsedCertificate {
  if (der.byteLength > MAX_CERTIFICATE_BYTES) {
    throw malformed(
      `at most ${MAX_CERTIFICATE_BYTES} bytes`,
      `${der.byteLength}`,
    );
  }
  const fields = readFields(der);
  let native: X509Certificate;
  try {
    native = new X509Certificate(der);
  } catch (cause) {
    throw malformed("a DER certificate", "something else", cause);
  }
  // Node looks for PEM first, anywhere in the bytes: it has to have read the certificate that we have.
  if (Buffer.compare(native.raw, der) !== 0)
    throw malformed("one certificate", "another inside it");
  checkKey(native);
  const extensions = readExtensions(fields.extensions);
  if (typeof extensions === "string")
    throw malformed("extensions as RFC 5280 has them", extensions);
  return {
    der,
    fingerprint: createHash("sha256").update(der).digest("base64url"),
    serialNumber: native.serialNumber.toLowerCase(),
    algorithm: native.signatureAlgorithm ?? "unknown",
    subject: native.subject ?? "",
    subjectIsEmpty: fields.subject.children.length === 0,
    isSelfIssued:
      Buffer.compare(fields.subject.content, fields.issuer.content) === 0,
    notBefore: seconds(native.validFromDate),
    notAfter: seconds(native.validToDate),
    ...extensions,
    native,
  };
}

interface Fields {
  readonly issuer: DerValue;
  readonly subject: DerValue;
  readonly extensions: DerValue;
}

/** RFC 5280 section 4.1. The algorithm inside what is signed has to be the one beside the signature, too. */
function readFields(der: Uint8Array): Fields {
  const certificate = readDer(der);
  if (typeof certificate === "string")
    throw malformed("one strict DER value", certificate);
  const [content, outer, signature, ...others] = certificate.children;
  const [version, , inner, issuer, , subject] = content?.children ?? [];
  const extensions = content?.children.at(-1);
  const list = extensions?.children[0];
  if (
    outer?.tag !== TAG.sequence ||
    signature?.tag !== TAG.bitString ||
    others.length > 0 ||
    version?.tag !== VERSION ||
    readCount(version.children[0]) !== VERSION_3 ||
    inner?.tag !== TAG.sequence ||
    issuer?.tag !== TAG.sequence ||
    subject?.tag !== TAG.sequence ||
    extensions?.tag !== EXTENSIONS ||
    list?.tag !== TAG.sequence ||
    extensions.children.length > 1
  )
    throw malformed("an X.509 certificate of version 3", "something else");
  if (Buffer.compare(inner.content, outer.content) !== 0)
    throw malformed("one signature algorithm", "two different ones");
  if (!isStrongSignature(outer)) {
    throw malformed(
      "a signature by ECDSA or RSA with SHA-256, SHA-384 or SHA-512, or by Ed25519",
      "another",
    );
  }
  return { issuer, subject, extensions: list };
}

function checkKey(native: X509Certificate): void {
  let key;
  try {
    key = native.publicKey;
  } catch (cause) {
    throw malformed("a public key that can be read", "another", cause);
  }
  if (key.asymmetricKeyType === "ed25519") return;
  if (key.asymmetricKeyType !== "rsa" && key.asymmetricKeyType !== "ec") {
    throw malformed(
      "an EC, RSA or Ed25519 key",
      key.asymmetricKeyType ?? "another",
    );
  }
  let jwk;
  try {
    jwk = key.export({ format: "jwk" });
  } catch (cause) {
    throw malformed("an EC key of P-256, P-384 or P-521", "another", cause);
  }
  const verdict = judgeVerificationKey(jwk as JsonObject);
  if (!verdict.usable) throw malformed("a strong key", verdict.reason);
}

function seconds(date: Date): number {
  const time = date.getTime();
  // Compared with anything, a date that is none would always be in time.
  if (Number.isNaN(time)) throw malformed("a validity of two dates", "another");
  return Math.floor(time / 1000);
}

function malformed(expected: string, came: string, cause?: unknown): DcrError {
  return new DcrError(
    "certificate_malformed",
    `expected ${expected} in the certificate, got ${came}`,
    cause === undefined ? undefined : { cause },
  );
}

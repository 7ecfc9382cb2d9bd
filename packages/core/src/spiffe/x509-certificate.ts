import { createHash, X509Certificate } from "node:crypto";
import {
  AltName,
  BasicConstraints,
  Certificate,
  ExtKeyUsage,
  NameConstraints,
  type Extension,
} from "pkijs";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import { judgeVerificationKey } from "./key-quality.ts";

/** What key usage allows; the bits that matter to SPIFFE. */
export interface KeyUsage {
  readonly critical: boolean;
  readonly digitalSignature: boolean;
  readonly keyCertSign: boolean;
  readonly cRLSign: boolean;
}

/** URI subtrees that a certificate permits or excludes below it: host names, `.example.org` for subdomains. */
export interface UriConstraints {
  readonly permitted: readonly string[] | undefined;
  readonly excluded: readonly string[];
}

/** A parsed certificate; nothing about it is verified. Times in epoch seconds. */
export interface ParsedCertificate {
  readonly der: Uint8Array;
  /** Base64url SHA-256 of the DER: `x5t#S256` (RFC 8705 section 3.1). */
  readonly fingerprint: string;
  readonly serialNumber: string;
  readonly subject: string;
  readonly subjectIsEmpty: boolean;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isAuthority: boolean;
  /** How many authorities may stand between it and the leaf; undefined for any number. */
  readonly pathLength: number | undefined;
  readonly keyUsage: KeyUsage | undefined;
  /** Object identifiers; undefined where the extension is absent. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** Every URI name, from the DER, as it stands there. */
  readonly uris: readonly string[];
  readonly alternativeNamesCritical: boolean;
  readonly uriConstraints: UriConstraints | undefined;
  /** For signatures and name chaining, by OpenSSL. */
  readonly native: X509Certificate;
  /** For the path mathematics. */
  readonly pki: Certificate;
}

/** A certificate larger than this is refused unread. */
const MAX_CERTIFICATE_BYTES = 16 * 1024;

const OID = {
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  certificatePolicies: "2.5.29.32",
  policyMappings: "2.5.29.33",
  policyConstraints: "2.5.29.36",
  extendedKeyUsage: "2.5.29.37",
  inhibitAnyPolicy: "2.5.29.54",
} as const;
/** Critical extensions that the path rules act on; any other critical one is refused. */
const UNDERSTOOD: ReadonlySet<string> = new Set(Object.values(OID));

/** Signatures that a path may hold: SHA-2 with ECDSA or RSA, and Ed25519. Never MD5 or SHA-1. */
const SIGNATURES: ReadonlySet<string> = new Set([
  "1.2.840.10045.4.3.2",
  "1.2.840.10045.4.3.3",
  "1.2.840.10045.4.3.4",
  "1.2.840.113549.1.1.11",
  "1.2.840.113549.1.1.12",
  "1.2.840.113549.1.1.13",
  "1.3.101.112",
]);

/** GeneralName's tag of a URI (RFC 5280 section 4.2.1.6). */
const URI_NAME = 6;

/**
 * Parses one certificate, strictly: DER of exactly this length, no repeated extension, no critical
 * extension that we do not act on, a signature algorithm and a key strong enough.
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
  let native: X509Certificate;
  let pki: Certificate;
  try {
    native = new X509Certificate(der);
    pki = Certificate.fromBER(der);
  } catch (cause) {
    throw malformed("a DER certificate", "something else", cause);
  }
  if (native.raw.byteLength !== der.byteLength)
    throw malformed("one certificate", "bytes after it");
  const extensions = readExtensions(pki);
  checkSignatureAlgorithm(pki);
  checkKey(native);
  const constraints = parsed(
    extensions.get(OID.basicConstraints),
    BasicConstraints,
  );
  const names = extensions.get(OID.subjectAltName);
  return {
    der,
    fingerprint: createHash("sha256").update(der).digest("base64url"),
    serialNumber: native.serialNumber.toLowerCase(),
    subject: native.subject ?? "",
    subjectIsEmpty: pki.subject.typesAndValues.length === 0,
    notBefore: seconds(native.validFromDate),
    notAfter: seconds(native.validToDate),
    isAuthority: constraints?.cA === true,
    pathLength: readPathLength(constraints),
    keyUsage: readKeyUsage(extensions.get(OID.keyUsage)),
    extendedKeyUsage: parsed(extensions.get(OID.extendedKeyUsage), ExtKeyUsage)
      ?.keyPurposes,
    uris: (parsed(names, AltName)?.altNames ?? [])
      .filter(({ type }) => type === URI_NAME)
      .map(({ value }) => String(value)),
    alternativeNamesCritical: names?.critical === true,
    uriConstraints: readUriConstraints(extensions.get(OID.nameConstraints)),
    native,
    pki,
  };
}

function readExtensions(pki: Certificate): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>();
  for (const extension of pki.extensions ?? []) {
    if (extensions.has(extension.extnID))
      throw malformed("each extension once", `${extension.extnID} twice`);
    if (extension.critical && !UNDERSTOOD.has(extension.extnID)) {
      throw malformed(
        "no critical extension but those of RFC 5280 path validation",
        extension.extnID,
      );
    }
    extensions.set(extension.extnID, extension);
  }
  return extensions;
}

/** What an extension says; one that cannot be read is no certificate of ours. */
function parsed<T>(
  extension: Extension | undefined,
  type: abstract new (...parameters: never[]) => T,
): T | undefined {
  if (extension === undefined) return undefined;
  const value: unknown = extension.parsedValue;
  if (value instanceof type) return value;
  throw malformed("an extension that can be read", extension.extnID);
}

function readPathLength(
  constraints: BasicConstraints | undefined,
): number | undefined {
  const length: unknown = constraints?.pathLenConstraint;
  if (length === undefined) return undefined;
  if (typeof length === "number" && Number.isSafeInteger(length) && length >= 0)
    return length;
  // A length too large for a number constrains nothing that fits our limit on paths.
  if (typeof length === "number" || constraints?.cA !== true)
    throw malformed("a path length from 0", "another");
  return undefined;
}

function readKeyUsage(extension: Extension | undefined): KeyUsage | undefined {
  if (extension === undefined) return undefined;
  const value = extension.parsedValue as
    | { readonly valueBlock?: { readonly valueHexView?: Uint8Array } }
    | undefined;
  const bits = value?.valueBlock?.valueHexView?.[0];
  if (bits === undefined) throw malformed("key usage bits", "none");
  return {
    critical: extension.critical,
    digitalSignature: (bits & 0x80) !== 0,
    keyCertSign: (bits & 0x04) !== 0,
    cRLSign: (bits & 0x02) !== 0,
  };
}

function readUriConstraints(
  extension: Extension | undefined,
): UriConstraints | undefined {
  const constraints = parsed(extension, NameConstraints);
  if (constraints === undefined) return undefined;
  const urisOf = (
    trees: NameConstraints["permittedSubtrees"],
  ): readonly string[] =>
    (trees ?? [])
      .filter(({ base }) => base.type === URI_NAME)
      .map(({ base }) => String(base.value));
  const permitted = urisOf(constraints.permittedSubtrees);
  return {
    permitted: permitted.length === 0 ? undefined : permitted,
    excluded: urisOf(constraints.excludedSubtrees),
  };
}

/** The algorithm inside what is signed has to be the one beside the signature, too. */
function checkSignatureAlgorithm({
  signature,
  signatureAlgorithm,
}: Certificate): void {
  const { algorithmId } = signatureAlgorithm;
  if (algorithmId !== signature.algorithmId)
    throw malformed("one signature algorithm", "two different ones");
  if (!SIGNATURES.has(algorithmId)) {
    throw malformed(
      "a signature by ECDSA or RSA with SHA-256, SHA-384 or SHA-512, or by Ed25519",
      algorithmId,
    );
  }
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
  return Math.floor(date.getTime() / 1000);
}

function malformed(expected: string, came: string, cause?: unknown): DcrError {
  return new DcrError(
    "certificate_malformed",
    `expected ${expected} in the certificate, got ${came}`,
    cause === undefined ? undefined : { cause },
  );
}

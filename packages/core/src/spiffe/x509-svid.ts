import { createHash } from "node:crypto";
import type { CheckListener } from "../credential/checks.ts";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import { quote } from "../lib/quote.ts";
import type { TrustSource } from "../trust/index.ts";
import type { SpiffeBundle, X509Authority } from "./bundle.ts";
import { parseSpiffeId, type SpiffeId } from "./id.ts";
import { findTrust } from "./jwt-svid-keys.ts";
import {
  parseCertificate,
  type ParsedCertificate,
} from "./x509-certificate.ts";
import {
  findCertificatePath,
  pathHoldsAt,
  type CertificatePath,
} from "./x509-path.ts";

/** The named checks and their requirements, in the order they run; `explain` lists them. */
export const X509_SVID_CHECKS = {
  form: "X509-02",
  subject: "X509-01",
  leaf: "X509-04",
  usage: "X509-05",
  time: "X509-09",
  trust: "X509-03",
  path: "X509-02",
} as const;
type CheckName = keyof typeof X509_SVID_CHECKS;

/** What one endpoint wants of an X509-SVID. */
export interface X509SvidRequirements {
  /** Epoch seconds. */
  readonly now: number;
  /** How far the issuer's clock may be ahead, seconds. An expired certificate has no leeway. */
  readonly clockToleranceSeconds: number;
  /** What its holder does with it: `client` authenticates a client, `server` a TLS server. */
  readonly usage: "client" | "server";
  readonly cache?: X509PathCache | undefined;
  readonly onCheck?: CheckListener | undefined;
}

declare const verified: unique symbol;

/** An X509-SVID whose every check passed. Only {@link verifyX509Svid} makes one. Times in epoch seconds. */
export interface VerifiedX509Svid {
  readonly [verified]: true;
  readonly kind: "x509-svid";
  readonly subject: SpiffeId;
  /** A certificate has no claims. */
  readonly claims: JsonObject;
  /** The signature algorithm's name, of the leaf. */
  readonly algorithm: string;
  /** The leaf's serial number, in hex. */
  readonly keyId: string;
  readonly issuer: undefined;
  readonly audience: undefined;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly tokenId: undefined;
  /** Base64url SHA-256 of the leaf: `x5t#S256`. */
  readonly fingerprint: string;
  /** The fingerprint of the trust anchor that the path ends at. */
  readonly authority: string;
}

/** Chains found to lead to a bundle's authorities, so that the mathematics are done once for each. */
export interface X509PathCache {
  get(bundle: SpiffeBundle, chain: string): CertificatePath | undefined;
  set(bundle: SpiffeBundle, chain: string, path: CertificatePath): void;
}

/** Certificates of one chain, and their bytes, at most: as a TLS client may send them. */
const MAX_CHAIN = 8;
const MAX_CHAIN_BYTES = 64 * 1024;
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

/**
 * Makes a cache of at most `limit` chains for each bundle. A bundle that is replaced takes its chains along,
 * and whatever depends on the time is judged anew each time.
 */
export function createX509PathCache(limit = 1000): X509PathCache {
  const bundles = new WeakMap<SpiffeBundle, Map<string, CertificatePath>>();
  return {
    get: (bundle, chain) => bundles.get(bundle)?.get(chain),
    set(bundle, chain, path) {
      const paths = bundles.get(bundle) ?? new Map<string, CertificatePath>();
      bundles.set(bundle, paths);
      const [oldest] = paths.keys();
      if (paths.size >= limit && oldest !== undefined) paths.delete(oldest);
      paths.set(chain, path);
    },
  };
}

/**
 * Verifies an X509-SVID: the SPIFFE ID in its one URI name, the constraints of a leaf, and a path to the
 * X.509 authorities of that ID's trust domain and no other. Never the system's trust store.
 *
 * @param chain - DER, the leaf first, then the intermediates that came with it in any order
 * @throws {DcrError} `certificate_malformed`, `certificate_invalid`, `certificate_not_trusted`,
 * `subject_invalid`, `subject_not_a_workload`, `issuer_untrusted`, `source_unavailable`,
 * `credential_expired`, `credential_not_yet_valid`
 * @see X509-SVID sections 2 to 5
 */
export async function verifyX509Svid(
  chain: readonly Uint8Array[],
  trust: TrustSource,
  requirements: X509SvidRequirements,
): Promise<VerifiedX509Svid> {
  const { now, cache } = requirements;
  const step = stepper(requirements.onCheck);

  // 1. What it is and whom it names, before anything in it is believed.
  const leaf = await step("form", "certificates in DER", () => {
    checkSize(chain);
    return parseCertificate(chain[0] ?? new Uint8Array());
  });
  const subject = await step("subject", "one URI name, a workload", () =>
    readSubject(leaf),
  );
  await step("leaf", "no authority", () => checkLeaf(leaf));
  await step("usage", "key usage of an SVID", () =>
    checkUsage(leaf, requirements.usage),
  );
  await step("time", "inside its validity", () =>
    checkTime(leaf, requirements),
  );

  // 2. Whose authorities decide: those of the trust domain in the SPIFFE ID, and theirs alone.
  const { bundle } = await step("trust", "trust domain is configured", () =>
    findTrust(subject, trust),
  );
  const key = chainKey(chain);
  const path = await step("path", "a path to one of its authorities", () => {
    const known = cache?.get(bundle, key);
    if (known !== undefined && pathHoldsAt(known, now)) return known;
    return findCertificatePath(
      leaf,
      chain.slice(1).map((der) => parseCertificate(der)),
      anchorsOf(bundle),
      now,
    );
  });
  cache?.set(bundle, key, path);

  return {
    kind: "x509-svid",
    subject,
    claims: {},
    algorithm: leaf.native.signatureAlgorithm ?? "unknown",
    keyId: leaf.serialNumber,
    issuer: undefined,
    audience: undefined,
    issuedAt: leaf.notBefore,
    expiresAt: leaf.notAfter,
    tokenId: undefined,
    fingerprint: leaf.fingerprint,
    authority: path.at(-1)?.fingerprint ?? "",
  } as Omit<VerifiedX509Svid, typeof verified> as VerifiedX509Svid;
}

function checkSize(chain: readonly Uint8Array[]): void {
  const bytes = chain.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (
    chain.length === 0 ||
    chain.length > MAX_CHAIN ||
    bytes > MAX_CHAIN_BYTES
  ) {
    throw new DcrError(
      "certificate_malformed",
      `expected 1 to ${MAX_CHAIN} certificates of ${MAX_CHAIN_BYTES} bytes in all, got ${chain.length} of ${bytes}`,
    );
  }
}

/** X509-01: exactly one URI name; what other names say is nobody's business. */
function readSubject(leaf: ParsedCertificate): SpiffeId {
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

/** X509-04, X509-07. */
function checkLeaf(leaf: ParsedCertificate): void {
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

/** X509-05, X509-06. */
function checkUsage(
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

function checkTime(
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

/** Parsed when the bundle was. */
function anchorsOf({ x509Authorities }: SpiffeBundle): ParsedCertificate[] {
  return x509Authorities.map(({ parsed }: X509Authority) => parsed);
}

/** Names a chain: what comes in another order is another one. */
function chainKey(chain: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const der of chain) hash.update(`${der.byteLength}:`).update(der);
  return hash.digest("base64url");
}

function invalid(expected: string, came: string): DcrError {
  return new DcrError(
    "certificate_invalid",
    `expected ${expected} on an X509-SVID, got ${came}`,
  );
}

/** Runs a check under its name and tells the listener how it went. */
function stepper(listener: CheckListener | undefined) {
  return async <T>(
    check: CheckName,
    expectation: string,
    run: () => T | Promise<T>,
  ): Promise<T> => {
    const requirement = X509_SVID_CHECKS[check];
    try {
      const result = await run();
      listener?.({ check, verdict: "pass", detail: expectation, requirement });
      return result;
    } catch (error) {
      const detail = error instanceof Error ? error.message : "failed";
      listener?.({ check, verdict: "fail", detail, requirement });
      throw error;
    }
  };
}

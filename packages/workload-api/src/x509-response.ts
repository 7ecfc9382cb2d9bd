import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { splitDer } from "./der.ts";
import { WorkloadApiError } from "./error.ts";
import type {
  X509BundlesResponse,
  X509SVID,
  X509SVIDResponse,
} from "./gen/workloadapi_pb.ts";
import { printable } from "./printable.ts";
import {
  bundlesByTrustDomain,
  identities,
  invalid,
  redacted,
} from "./response.ts";

/** One X.509-SVID as the Workload API gives it. */
export interface X509Svid {
  readonly spiffeId: string;
  /** DER, the leaf first. */
  readonly certificates: readonly Uint8Array[];
  /** The leaf's key, PKCS#8 DER, not encrypted: never to be logged. */
  readonly privateKey: Uint8Array;
  /** The CA certificates (DER) of the SVID's own trust domain; for X.509-SVIDs only (WAPI-13). */
  readonly bundle: readonly Uint8Array[];
  /** Tells several identities of one workload apart; empty where the endpoint gives none. */
  readonly hint: string;
}

/** Everything that the endpoint has for a workload that speaks X.509. */
export interface X509Context {
  /** At least one; the first is the default identity (WAPI-12). */
  readonly svids: readonly X509Svid[];
  /** Certificate revocation lists, DER. */
  readonly crl: readonly Uint8Array[];
  /** CA certificates (DER) of foreign trust domains by the trust domain's SPIFFE ID. */
  readonly federatedBundles: ReadonlyMap<string, readonly Uint8Array[]>;
  /**
   * What is wrong with the federated bundles that were left out, as in {@link X509Bundles}. Only with
   * `unreadableBundles: "leave_out"`.
   */
  readonly leftOut?: ReadonlyMap<string, string>;
}

/** How to read a message with X.509 bundles of several trust domains. */
export interface X509BundlesReading {
  /**
   * What becomes of a message in which a bundle is there and cannot be read: it is discarded as a whole, or
   * that one bundle is left out of it. One in which a bundle is empty is discarded in either case (WAPI-10), and
   * so is one of X.509-SVIDs where that of an SVID's own trust domain cannot be read. Default: `discard_message`.
   */
  readonly unreadableBundles?: "discard_message" | "leave_out" | undefined;
}

/** What is needed to verify X.509-SVIDs of others. */
export interface X509Bundles {
  /** CA certificates (DER) by the trust domain's SPIFFE ID; each for its own trust domain (WAPI-13). */
  readonly bundles: ReadonlyMap<string, readonly Uint8Array[]>;
  /** Certificate revocation lists, DER. */
  readonly crl: readonly Uint8Array[];
  /**
   * What is wrong with the bundles that were left out, by the trust domain's SPIFFE ID: they are not redacted,
   * so that what the endpoint gave before may still be used. Only with `unreadableBundles: "leave_out"`.
   */
  readonly leftOut?: ReadonlyMap<string, string>;
}

const MAX_CHAIN = 16;
const MAX_AUTHORITIES = 512;

/**
 * Checks a FetchX509SVID message: each SVID has its mandatory fields (WAPI-10), its leaf names the
 * SPIFFE ID, and its key is the leaf's. Signatures, validity and bundles are for a verifier to judge.
 *
 * @throws {WorkloadApiError} `response_invalid`; `redacted` where it holds no SVID
 */
export function readX509Context(
  response: X509SVIDResponse,
  reading?: X509BundlesReading,
): X509Context {
  if (response.svids.length === 0) throw redacted("X.509-SVID");
  const { bundles: federatedBundles, ...leftOut } = readBundles(
    response.federatedBundles,
    reading,
  );
  return {
    svids: identities("X.509-SVID", response.svids).map(readSvid),
    crl: readCrls(response.crl),
    federatedBundles,
    ...leftOut,
  };
}

/**
 * Checks a FetchX509Bundles message: each bundle is one or more DER values (WAPI-10), save those that are
 * left out.
 *
 * @throws {WorkloadApiError} `response_invalid`; `redacted` where it holds no bundle
 */
export function readX509Bundles(
  response: X509BundlesResponse,
  reading?: X509BundlesReading,
): X509Bundles {
  const crl = readCrls(response.crl);
  if (Object.keys(response.bundles).length === 0) throw redacted("bundle");
  return { ...readBundles(response.bundles, reading), crl };
}

function readSvid(message: X509SVID): X509Svid {
  const { spiffeId, x509Svid, x509SvidKey, bundle, hint } = message;
  const of = `the X.509-SVID ${printable(spiffeId)}`;
  const certificates = splitDer(x509Svid, `x509_svid of ${of}`, MAX_CHAIN);
  const [leaf] = certificates.map((der) => parseCertificate(der, of));
  const names = leaf?.subjectAltName?.split(", ") ?? [];
  if (!names.includes(`URI:${spiffeId}`)) {
    throw invalid(`the leaf of ${of} names another SPIFFE ID, or none`);
  }
  const [privateKey = x509SvidKey] = splitDer(
    x509SvidKey,
    `x509_svid_key of ${of}`,
    1,
  );
  if (leaf?.checkPrivateKey(parsePrivateKey(privateKey, of)) !== true) {
    throw invalid(`the private key of ${of} is not its leaf's`);
  }
  return {
    spiffeId,
    certificates,
    privateKey,
    bundle: splitDer(bundle, `the bundle of ${of}`, MAX_AUTHORITIES),
    hint,
  };
}

function parseCertificate(der: Uint8Array, of: string): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw invalid(`a certificate of ${of} cannot be read`);
  }
}

function parsePrivateKey(der: Uint8Array, of: string): KeyObject {
  try {
    return createPrivateKey({
      key: Buffer.from(der),
      format: "der",
      type: "pkcs8",
    });
  } catch {
    throw invalid(`the private key of ${of} is not PKCS#8 that can be read`);
  }
}

function readBundles(
  message: Readonly<Record<string, Uint8Array>>,
  { unreadableBundles = "discard_message" }: X509BundlesReading = {},
): Pick<X509Bundles, "bundles" | "leftOut"> {
  if (unreadableBundles === "discard_message")
    return {
      bundles: bundlesByTrustDomain(message, (bundle, of) =>
        splitDer(bundle, of, MAX_AUTHORITIES),
      ),
    };
  const bundles = new Map<string, readonly Uint8Array[]>();
  const leftOut = new Map<string, string>();
  const read = bundlesByTrustDomain(message, (bundle, of) => {
    try {
      return splitDer(bundle, of, MAX_AUTHORITIES);
    } catch (error) {
      if (error instanceof WorkloadApiError) return error.message;
      throw error;
    }
  });
  for (const [trustDomain, found] of read) {
    if (typeof found === "string") leftOut.set(trustDomain, found);
    else bundles.set(trustDomain, found);
  }
  return { bundles, leftOut };
}

function readCrls(crls: readonly Uint8Array[]): readonly Uint8Array[] {
  return crls.flatMap((crl) =>
    // As large as the message lets it be.
    splitDer(crl, "a CRL", 1, crl.length),
  );
}

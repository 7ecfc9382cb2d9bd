import type { CheckListener } from "../credential/checks.ts";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import type { TrustSource } from "../trust/index.ts";
import { makeStepper } from "../vc/steps.ts";
import type { SpiffeBundle } from "./bundle.ts";
import type { SpiffeId } from "./id.ts";
import { findTrust, type LoadedTrust } from "./jwt-svid-keys.ts";
import {
  parseCertificate,
  type ParsedCertificate,
} from "./x509-certificate.ts";
import { chainKey, type X509PathCache } from "./x509-path-cache.ts";
import {
  checkLeaf,
  checkTime,
  checkUsage,
  readSubject,
} from "./x509-svid-leaf.ts";
import {
  findCertificatePath,
  isUnknownAuthority,
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

interface PresentedChain {
  readonly leaf: ParsedCertificate;
  /** DER, the leaf first. */
  readonly chain: readonly Uint8Array[];
  /** Names it in the cache. */
  readonly key: string;
}

/** Certificates of one chain, and their bytes, at most: as a TLS client may send them. */
const MAX_CHAIN = 8;
const MAX_CHAIN_BYTES = 64 * 1024;

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
  const step = makeStepper(X509_SVID_CHECKS, requirements.onCheck);

  // 1. What it is and whom it names, before anything in it is believed.
  const { leaf, key } = step("form", "certificates in DER", () => {
    checkSize(chain);
    const name = chainKey(chain);
    const known = requirements.cache?.leaf(name);
    return {
      leaf: known ?? parseCertificate(chain[0] ?? new Uint8Array()),
      key: name,
    };
  });
  const subject = step("subject", "one URI name, a workload", () =>
    readSubject(leaf),
  );
  step("leaf", "no authority", () => checkLeaf(leaf));
  step("usage", "key usage of an SVID", () =>
    checkUsage(leaf, requirements.usage),
  );
  step("time", "inside its validity", () => checkTime(leaf, requirements));

  // 2. Whose authorities decide: those of the trust domain in the SPIFFE ID, and theirs alone.
  const held = step("trust", "trust domain is configured", () =>
    findTrust(subject, trust),
  );
  const path = await step("path", "a path to one of its authorities", () =>
    findPathAgain(held, { leaf, chain, key }, trust, subject, requirements),
  );

  return {
    kind: "x509-svid",
    subject,
    claims: {},
    algorithm: leaf.algorithm,
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

/**
 * The path to an authority of the bundle. Where none issued anything of the chain, the source is asked once to
 * read the bundle again, as often as it bears: an authority may be younger than the last poll.
 */
async function findPathAgain(
  held: LoadedTrust,
  presented: PresentedChain,
  trust: TrustSource,
  subject: SpiffeId,
  requirements: X509SvidRequirements,
): Promise<CertificatePath> {
  const findPath = ({ bundle }: LoadedTrust) =>
    findKnownPath(bundle, presented, requirements);
  try {
    return await findPath(held);
  } catch (error) {
    if (!isUnknownAuthority(error)) throw error;
    const isNew = (await held.source.refreshUnknownKey?.()) ?? false;
    const refreshed = findTrust(subject, trust);
    if (isNew) return findPath(refreshed);
    if (refreshed.source.refreshFails !== true) throw error;
    // The authority may be published and only unknown to us: that is our outage (Q10).
    throw new DcrError(
      "source_unavailable",
      `the bundle of trust domain ${subject.trustDomain} cannot be refreshed and lacks the authority; try again later`,
      { cause: error },
    );
  }
}

/** From the cache, where the path was found before and its certificates are valid still. */
async function findKnownPath(
  bundle: SpiffeBundle,
  { leaf, chain, key }: PresentedChain,
  { now, cache }: X509SvidRequirements,
): Promise<CertificatePath> {
  const known = cache?.get(bundle, key);
  if (known !== undefined && pathHoldsAt(known, now)) return known;
  const intermediates = chain.slice(1).map((der) => parseCertificate(der));
  const path = await findCertificatePath(
    leaf,
    intermediates,
    anchorsOf(bundle),
    now,
  );
  cache?.set(bundle, key, path);
  return path;
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

/** Parsed when the bundle was. */
function anchorsOf({ x509Authorities }: SpiffeBundle): ParsedCertificate[] {
  return x509Authorities.map(({ parsed }) => parsed);
}

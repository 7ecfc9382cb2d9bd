import { createHash, randomUUID } from "node:crypto";
import {
  authorityExtensions,
  loadX509,
  makeCertificate,
  openSigner,
  type CertificateSigner,
  type KeyedCertificate,
} from "./certificates.ts";

const DAY = 86_400;
/** Slack for verifiers whose clocks are behind, seconds. */
const BACKDATE = 60;
const ORGANIZATION = "O=Accredit development";

/** An X.509 authority as it is kept: a root that verifiers know and an intermediate that signs. Base64 DER. */
export interface StoredX509Authority {
  /** Base64url SHA-256 of the root. */
  readonly id: string;
  readonly root: StoredCertificate;
  readonly intermediate: StoredCertificate;
}

interface StoredCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

/** An X509-SVID with its key. */
export interface MadeX509Svid {
  /** DER, the leaf first, then the intermediate; never the root. */
  readonly chain: readonly Uint8Array[];
  /** PKCS#8, DER. */
  readonly privateKey: Uint8Array;
}

/**
 * Makes a root and an intermediate below it, good for ten years.
 *
 * @param now - epoch seconds
 * @see X509-SVID, sections 3.2 and 4
 */
export async function makeX509Authority(
  trustDomain: string,
  now: number,
): Promise<StoredX509Authority> {
  const x509 = await loadX509();
  const make = async (
    name: string,
    pathLength: number,
    signer?: CertificateSigner,
  ): Promise<KeyedCertificate> =>
    makeCertificate(
      {
        // Each has a name of its own, so that nobody takes it for the one it replaced.
        subject: `${ORGANIZATION}, CN=${name} ${randomUUID()}`,
        notBefore: now - DAY,
        notAfter: now + 3650 * DAY,
        extensions: [
          ...(await authorityExtensions(pathLength)),
          new x509.SubjectAlternativeNameExtension([
            { type: "url", value: `spiffe://${trustDomain}` },
          ]),
        ],
      },
      signer,
    );
  const root = await make("Root", 1);
  const intermediate = await make("Intermediate", 0, await openSigner(root));
  return {
    id: createHash("sha256").update(root.certificate).digest("base64url"),
    root: store(root),
    intermediate: store(intermediate),
  };
}

/** The root's certificate, DER. */
export function rootCertificate({ root }: StoredX509Authority): Uint8Array {
  return Buffer.from(root.certificate, "base64");
}

/**
 * Makes an X509-SVID with a key of its own.
 *
 * @param validity - epoch seconds, and seconds
 * @see X509-SVID, sections 2 to 4
 */
export async function makeX509Svid(
  authority: StoredX509Authority,
  spiffeId: string,
  validity: { readonly now: number; readonly ttlSeconds: number },
): Promise<MadeX509Svid> {
  const x509 = await loadX509();
  const signer = await openSigner(unstore(authority.intermediate));
  const { now, ttlSeconds } = validity;
  const { certificate, privateKey } = await makeCertificate(
    {
      subject: ORGANIZATION,
      notBefore: now - BACKDATE,
      notAfter: now + ttlSeconds,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.serverAuth,
          x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension([
          { type: "url", value: spiffeId },
        ]),
      ],
    },
    signer,
  );
  return {
    chain: [certificate, unstore(authority.intermediate).certificate],
    privateKey,
  };
}

function store(made: KeyedCertificate): StoredCertificate {
  return {
    certificate: Buffer.from(made.certificate).toString("base64"),
    privateKey: Buffer.from(made.privateKey).toString("base64"),
  };
}

function unstore(stored: StoredCertificate): KeyedCertificate {
  return {
    certificate: Buffer.from(stored.certificate, "base64"),
    privateKey: Buffer.from(stored.privateKey, "base64"),
  };
}

import { createPrivateKey, webcrypto } from "node:crypto";
import type * as X509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** What a certificate shall say. Times in epoch seconds. */
export interface CertificateRequest {
  readonly subject: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly X509.Extension[];
}

/** A certificate and its key (EC P-256), both DER; the key PKCS#8. */
export interface KeyedCertificate {
  readonly certificate: Uint8Array;
  readonly privateKey: Uint8Array;
}

/** What signs certificates. */
export interface CertificateSigner {
  readonly certificate: X509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

/** Loaded on use; the library reads its decorators' metadata through this peer, which must be there first. */
export async function loadX509(): Promise<typeof X509> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

/** Reads what {@link makeCertificate} made, to sign with it. */
export async function openSigner({
  certificate,
  privateKey,
}: KeyedCertificate): Promise<CertificateSigner> {
  const x509 = await loadX509();
  return {
    certificate: new x509.X509Certificate(Uint8Array.from(certificate)),
    key: await webcrypto.subtle.importKey(
      "pkcs8",
      Uint8Array.from(privateKey),
      ALGORITHM,
      false,
      ["sign"],
    ),
  };
}

/** Makes a key and its certificate: signed by the signer, or by itself where there is none. */
export async function makeCertificate(
  request: CertificateRequest,
  signer?: CertificateSigner,
): Promise<KeyedCertificate> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, [
    "sign",
    "verify",
  ]);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: request.subject,
    issuer: signer?.certificate.subject ?? request.subject,
    notBefore: new Date(request.notBefore * 1000),
    notAfter: new Date(request.notAfter * 1000),
    publicKey: keys.publicKey,
    signingKey: signer?.key ?? keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      ...request.extensions,
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(signer === undefined
        ? []
        : [
            await x509.AuthorityKeyIdentifierExtension.create(
              signer.certificate.publicKey,
            ),
          ]),
    ],
  });
  const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: new Uint8Array(certificate.rawData),
    privateKey: new Uint8Array(key),
  };
}

/** The extensions of an authority: critical constraints, and signing certificates and CRLs alone. */
export async function authorityExtensions(
  pathLength?: number,
): Promise<X509.Extension[]> {
  const x509 = await loadX509();
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(
      x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
      true,
    ),
  ];
}

/** Certificates in PEM, one after the other. */
export function certificatesPem(certificates: readonly Uint8Array[]): string {
  return certificates
    .map((der) => {
      const base64 = Buffer.from(der).toString("base64");
      const lines = base64.match(/.{1,64}/g) ?? [];
      return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
    })
    .join("");
}

/** A PKCS#8 key in PEM. */
export function privateKeyPem(der: Uint8Array): string {
  return createPrivateKey({
    key: Buffer.from(der),
    format: "der",
    type: "pkcs8",
  })
    .export({ type: "pkcs8", format: "pem" })
    .toString();
}

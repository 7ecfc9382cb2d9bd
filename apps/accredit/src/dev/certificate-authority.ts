import { createPrivateKey, webcrypto, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type * as X509 from "@peculiar/x509";
import { readIfThere, replaceFile } from "./private-files.ts";

const DAY_MS = 86_400_000;
const NAME = "CN=Accredit development CA";
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A certificate authority for the TLS of development endpoints, and for nothing else. */
export interface DevCertificateAuthority {
  readonly certificatePem: string;
  /** The file that holds the certificate, for `NODE_EXTRA_CA_CERTS` and the like. */
  readonly certificateFile: string;
  /** Issues a fresh key and a certificate for localhost, 127.0.0.1 and ::1, both PEM. */
  issueServerCertificate(): Promise<{
    readonly key: string;
    readonly cert: string;
  }>;
}

/**
 * Opens the authority in a directory (`ca.pem`, `ca-key.pem`), or makes a new one where there is none
 * or where it soon expires. Dates are of this machine's clock, since TLS peers go by theirs.
 */
export async function openCertificateAuthority(
  directory: string,
): Promise<DevCertificateAuthority> {
  const x509 = await loadX509();
  const certificateFile = join(directory, "ca.pem");
  const keyFile = join(directory, "ca-key.pem");
  let keyPem = await readIfThere(keyFile);
  let certificatePem = await readIfThere(certificateFile);
  if (
    keyPem === undefined ||
    certificatePem === undefined ||
    !isUsable(certificatePem, keyPem)
  ) {
    const made = await makeAuthority(x509);
    keyPem = made.key;
    certificatePem = made.cert;
    await replaceFile(keyFile, keyPem);
    await replaceFile(certificateFile, certificatePem);
  }

  const signingKey = await importKey(keyPem);
  const authority = new x509.X509Certificate(certificatePem);
  return {
    certificatePem,
    certificateFile,
    issueServerCertificate: () => issueServer(x509, authority, signingKey),
  };
}

async function makeAuthority(
  x509: typeof X509,
): Promise<{ readonly key: string; readonly cert: string }> {
  const keys = await newKeyPair();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: NAME,
    ...validity(3650),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    key: await pkcs8(keys.privateKey),
    cert: certificate.toString("pem"),
  };
}

async function issueServer(
  x509: typeof X509,
  authority: X509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
): Promise<{ readonly key: string; readonly cert: string }> {
  const keys = await newKeyPair();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: "CN=localhost",
    issuer: authority.subject,
    ...validity(365),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
        { type: "ip", value: "::1" },
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  return {
    key: await pkcs8(keys.privateKey),
    cert: certificate.toString("pem"),
  };
}

/** The library reads its decorators' metadata through this peer, which must be there first. */
async function loadX509(): Promise<typeof X509> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

/** From a day ago, as slack for clocks that are behind. */
function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return {
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + days * DAY_MS),
  };
}

async function newKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function pkcs8(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
    .export({ type: "pkcs8", format: "pem" })
    .toString();
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}

/** Whether the two belong together and last at least as long as the certificates issued under them. */
function isUsable(certificatePem: string, keyPem: string): boolean {
  const parsed = new X509Certificate(certificatePem);
  return (
    parsed.checkPrivateKey(createPrivateKey(keyPem)) &&
    Date.parse(parsed.validTo) > Date.now() + 366 * DAY_MS
  );
}

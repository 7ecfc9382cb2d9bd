import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import {
  authorityExtensions,
  certificatesPem,
  loadX509,
  makeCertificate,
  openSigner,
  privateKeyPem,
  type CertificateSigner,
  type KeyedCertificate,
} from "./certificates.ts";
import { readIfThere, replaceFile } from "./private-files.ts";

const DAY = 86_400;

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
  const certificateFile = join(directory, "ca.pem");
  const keyFile = join(directory, "ca-key.pem");
  let keyPem = await readIfThere(keyFile);
  let certificatePem = await readIfThere(certificateFile);
  if (
    keyPem === undefined ||
    certificatePem === undefined ||
    !isUsableIn(directory, certificatePem, keyPem)
  ) {
    const made = await makeAuthority();
    keyPem = privateKeyPem(made.privateKey);
    certificatePem = certificatesPem([made.certificate]);
    await replaceFile(keyFile, keyPem);
    await replaceFile(certificateFile, certificatePem);
  }

  const signer = await openSigner({
    certificate: new X509Certificate(certificatePem).raw,
    privateKey: createPrivateKey(keyPem).export({
      type: "pkcs8",
      format: "der",
    }),
  });
  return {
    certificatePem,
    certificateFile,
    issueServerCertificate: () => issueServer(signer),
  };
}

function isUsableIn(directory: string, ...pair: [string, string]): boolean {
  try {
    return isUsable(...pair);
  } catch (cause) {
    throw new Error(
      `${directory}: expected a certificate in ca.pem and its key in ca-key.pem, got something else; remove both to begin with new ones`,
      { cause },
    );
  }
}

async function makeAuthority(): Promise<KeyedCertificate> {
  return makeCertificate({
    subject: "CN=Accredit development CA",
    ...validity(3650),
    extensions: await authorityExtensions(),
  });
}

async function issueServer(
  signer: CertificateSigner,
): Promise<{ readonly key: string; readonly cert: string }> {
  const x509 = await loadX509();
  const { certificate, privateKey } = await makeCertificate(
    {
      subject: "CN=localhost",
      ...validity(365),
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([
          { type: "dns", value: "localhost" },
          { type: "ip", value: "127.0.0.1" },
          { type: "ip", value: "::1" },
        ]),
      ],
    },
    signer,
  );
  return {
    key: privateKeyPem(privateKey),
    cert: certificatesPem([certificate]),
  };
}

/** From a day ago, as slack for clocks that are behind; epoch seconds. */
function validity(days: number): { notBefore: number; notAfter: number } {
  const now = Math.floor(Date.now() / 1000);
  return { notBefore: now - DAY, notAfter: now + days * DAY };
}

/** Whether the two belong together and last at least as long as the certificates issued under them. */
function isUsable(certificatePem: string, keyPem: string): boolean {
  const parsed = new X509Certificate(certificatePem);
  return (
    parsed.checkPrivateKey(createPrivateKey(keyPem)) &&
    Date.parse(parsed.validTo) > Date.now() + 366 * DAY * 1000
  );
}

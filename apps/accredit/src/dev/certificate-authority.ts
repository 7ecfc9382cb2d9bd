import type { KeyObject } from "node:crypto";
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { join } from "node:path";
import * as der from "./der.ts";
import { readIfThere, replaceFile } from "./private-files.ts";

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = der.sequence(der.oid("1.2.840.10045.4.3.2"));

/** A certificate authority for the TLS of development endpoints, and for nothing else. */
export interface DevCertificateAuthority {
  readonly certificatePem: string;
  /** The file that holds the certificate, for `NODE_EXTRA_CA_CERTS` and the like. */
  readonly certificateFile: string;
  /** Issues a fresh key and a certificate for localhost, 127.0.0.1 and ::1. */
  issueServerCertificate(): { readonly key: string; readonly cert: string };
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
    !isUsable(certificatePem, keyPem)
  ) {
    const { privateKey, publicKey } = newKeyPair();
    keyPem = pkcs8(privateKey);
    certificatePem = certificate({
      subject: "Accredit development CA",
      subjectKey: publicKey,
      issuer: "Accredit development CA",
      issuerKey: privateKey,
      issuerKeyId: keyIdentifier(publicKey),
      days: 3650,
      extensions: [
        extension("2.5.29.19", der.sequence(der.TRUE), true), // basicConstraints: a CA
        extension("2.5.29.15", der.bitString(Buffer.from([0x06]), 1), true), // keyUsage: keyCertSign, cRLSign
      ],
    });
    await replaceFile(keyFile, keyPem);
    await replaceFile(certificateFile, certificatePem);
  }

  const issuerKey = createPrivateKey(keyPem);
  const issuerKeyId = keyIdentifier(
    new X509Certificate(certificatePem).publicKey,
  );
  return {
    certificatePem,
    certificateFile,
    issueServerCertificate() {
      const { privateKey, publicKey } = newKeyPair();
      const cert = certificate({
        subject: "localhost",
        subjectKey: publicKey,
        issuer: "Accredit development CA",
        issuerKey,
        issuerKeyId,
        days: 365,
        extensions: [
          extension("2.5.29.15", der.bitString(Buffer.from([0x80]), 7), true), // keyUsage: digitalSignature
          extension("2.5.29.37", der.sequence(der.oid("1.3.6.1.5.5.7.3.1"))), // extKeyUsage: serverAuth
          extension("2.5.29.17", LOCAL_NAMES), // subjectAltName
        ],
      });
      return { key: pkcs8(privateKey), cert };
    },
  };
}

/** GeneralNames: dNSName has tag 2, iPAddress tag 7. */
const LOCAL_NAMES = der.sequence(
  der.tlv(0x82, Buffer.from("localhost")),
  der.tlv(0x87, Buffer.from([127, 0, 0, 1])),
  der.tlv(0x87, Buffer.from([...new Uint8Array(15), 1])),
);

interface CertificateRequest {
  readonly subject: string;
  readonly subjectKey: KeyObject;
  readonly issuer: string;
  readonly issuerKey: KeyObject;
  readonly issuerKeyId: Buffer;
  readonly days: number;
  readonly extensions: readonly Buffer[];
}

/** Makes a version 3 certificate, PEM (RFC 5280, section 4.1). */
function certificate(request: CertificateRequest): string {
  const now = Date.now();
  const subjectKeyId = keyIdentifier(request.subjectKey);
  const toBeSigned = der.sequence(
    der.tlv(0xa0, der.integer(Buffer.from([2]))),
    der.integer(randomBytes(16)),
    ECDSA_WITH_SHA256,
    commonName(request.issuer),
    der.sequence(
      der.time(new Date(now - DAY_MS)), // A day of slack for clocks that are behind.
      der.time(new Date(now + request.days * DAY_MS)),
    ),
    commonName(request.subject),
    request.subjectKey.export({ type: "spki", format: "der" }),
    der.tlv(
      0xa3,
      der.sequence(
        ...request.extensions,
        extension("2.5.29.14", der.octetString(subjectKeyId)),
        extension(
          "2.5.29.35",
          der.sequence(der.tlv(0x80, request.issuerKeyId)),
        ),
      ),
    ),
  );
  const signature = sign("sha256", toBeSigned, {
    key: request.issuerKey,
    dsaEncoding: "der",
  });
  const whole = der.sequence(
    toBeSigned,
    ECDSA_WITH_SHA256,
    der.bitString(signature),
  );
  return new X509Certificate(whole).toString();
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return der.sequence(
    der.oid(id),
    ...(critical ? [der.TRUE] : []),
    der.octetString(value),
  );
}

function commonName(text: string): Buffer {
  const attribute = der.sequence(der.oid("2.5.4.3"), der.utf8String(text));
  return der.sequence(der.set(attribute));
}

/** Any value that is the key's own will do (RFC 5280, section 4.2.1.2). */
function keyIdentifier(key: KeyObject): Buffer {
  const spki = key.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest().subarray(0, 20);
}

function newKeyPair(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Whether the two belong together and last at least as long as the certificates issued under them. */
function isUsable(certificatePem: string, keyPem: string): boolean {
  const parsed = new X509Certificate(certificatePem);
  return (
    parsed.checkPrivateKey(createPrivateKey(keyPem)) &&
    Date.parse(parsed.validTo) > Date.now() + 366 * DAY_MS
  );
}

import { webcrypto } from "node:crypto";
import type * as X509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const HOUR_MS = 3_600_000;

/** What a server certificate says; the defaults are those of a good one for this machine. */
export interface FakeCertificateChoice {
  /** DNS names and IP addresses. Default: `localhost`, `127.0.0.1` and `::1`. */
  readonly names?: readonly string[];
  /** Whether it ended an hour ago. */
  readonly expired?: boolean;
  /** Whether its own key signs it instead of the authority's. */
  readonly selfSigned?: boolean;
}

/** A private key and its certificate, both PEM. */
export interface FakeCertificate {
  readonly key: string;
  readonly cert: string;
}

/** A certificate authority for the TLS of tests. */
export class FakeCertificateAuthority {
  /** The authority's own certificate, PEM. */
  readonly pem: string;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(pem: string, keys: webcrypto.CryptoKeyPair) {
    this.pem = pem;
    this.#keys = keys;
  }

  /** Makes an authority with a key of its own: no two trust each other's certificates. */
  static async create(): Promise<FakeCertificateAuthority> {
    const x509 = await loadX509();
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: "CN=Test authority",
      notBefore: new Date(Date.now() - HOUR_MS),
      notAfter: new Date(Date.now() + HOUR_MS),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    });
    return new FakeCertificateAuthority(certificate.toString("pem"), keys);
  }

  /** Issues a server certificate, good or as wrong as asked. */
  async issue(choice: FakeCertificateChoice = {}): Promise<FakeCertificate> {
    const x509 = await loadX509();
    const { names = ["localhost", "127.0.0.1", "::1"] } = choice;
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: "CN=Test server",
      issuer: choice.selfSigned ? "CN=Test server" : "CN=Test authority",
      notBefore: new Date(Date.now() - 2 * HOUR_MS),
      notAfter: new Date(Date.now() + (choice.expired ? -HOUR_MS : HOUR_MS)),
      publicKey: keys.publicKey,
      signingKey: choice.selfSigned ? keys.privateKey : this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({
            type: /^[0-9.]+$|:/.test(value) ? "ip" : "dns",
            value,
          })),
        ),
      ],
    });
    const key = Buffer.from(
      await webcrypto.subtle.exportKey("pkcs8", keys.privateKey),
    );
    return {
      key: `-----BEGIN PRIVATE KEY-----\n${key.toString("base64")}\n-----END PRIVATE KEY-----\n`,
      cert: certificate.toString("pem"),
    };
  }
}

/** Loaded on use: most tests make no certificates, and the library takes its time to load. */
async function loadX509(): Promise<typeof X509> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

import { createPrivateKey, webcrypto } from "node:crypto";
import type * as X509 from "@peculiar/x509";

const HOUR = 3600;

/** What a certificate says; the defaults are those of a good SVID, or of a good authority. */
export interface FakeSvidChoice {
  /** URI names. Default: one workload of the trust domain. */
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly subject?: string;
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** Bits of `KeyUsageFlags`; null for no extension. */
  readonly keyUsage?: number | null;
  readonly keyUsageCritical?: boolean;
  /** Object identifiers; null for no extension. */
  readonly extendedKeyUsage?: readonly string[] | null;
  readonly namesCritical?: boolean;
  /** Epoch seconds. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly hash?: "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";
  readonly key?:
    "P-256" | "P-384" | "P-521" | "RSA-2048" | "RSA-1024" | "RSA-PSS-2048";
  /** Whether the certificate is signed by its own key, whatever issuer it names. */
  readonly selfSigned?: boolean;
  /** More extensions: object identifier, criticality and DER value. */
  readonly extensions?: readonly {
    readonly oid: string;
    readonly critical: boolean;
    readonly value: Uint8Array;
  }[];
}

/** A certificate and its key. */
export interface FakeSvid {
  /** DER, the leaf first, without the root. */
  readonly chain: readonly Uint8Array[];
  /** PKCS#8, DER. */
  readonly privateKey: Uint8Array;
  readonly certPem: string;
  readonly keyPem: string;
}

/** Bits of the key usage extension, by name. */
export const KEY_USAGE = {
  digitalSignature: 1,
  keyCertSign: 32,
  cRLSign: 64,
} as const;
export const EXTENDED_KEY_USAGE = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** An X.509 authority of a trust domain that mints whatever a test wants, right or wrong. */
export class FakeX509Authority {
  readonly trustDomain: string;
  /** DER of its own certificate. */
  readonly certificate: Uint8Array;
  /** The certificates between its leaves and the root, its own first; empty for a root. */
  readonly path: readonly Uint8Array[];
  readonly #subject: string;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(
    trustDomain: string,
    certificate: Uint8Array,
    path: readonly Uint8Array[],
    subject: string,
    keys: webcrypto.CryptoKeyPair,
  ) {
    this.trustDomain = trustDomain;
    this.certificate = certificate;
    this.path = path;
    this.#subject = subject;
    this.#keys = keys;
  }

  /** Makes a root with a key of its own. */
  static async create(
    options: { readonly trustDomain?: string } & FakeSvidChoice = {},
  ): Promise<FakeX509Authority> {
    const {
      trustDomain = "example.org",
      subject = "CN=Root",
      ...choice
    } = options;
    const keys = await newKeys(choice.key);
    const certificate = await mint(
      authorityChoice(trustDomain, { subject, ...choice }),
      subject,
      keys,
      keys.privateKey,
    );
    return new FakeX509Authority(trustDomain, certificate, [], subject, keys);
  }

  /** Makes an authority below this one. */
  async intermediate(choice: FakeSvidChoice = {}): Promise<FakeX509Authority> {
    const { subject = "CN=Intermediate" } = choice;
    const keys = await newKeys(choice.key);
    const certificate = await mint(
      authorityChoice(this.trustDomain, { ...choice, subject }),
      this.#subject,
      keys,
      choice.selfSigned === true ? keys.privateKey : this.#keys.privateKey,
    );
    return new FakeX509Authority(
      this.trustDomain,
      certificate,
      [certificate, ...this.path],
      subject,
      keys,
    );
  }

  /** Signs another authority's key again: the same authority under another parent. */
  async crossSign(other: FakeX509Authority): Promise<Uint8Array> {
    return mint(
      authorityChoice(this.trustDomain, { subject: other.#subject }),
      this.#subject,
      other.#keys,
      this.#keys.privateKey,
    );
  }

  /** Mints an X509-SVID. */
  async svid(choice: FakeSvidChoice = {}): Promise<FakeSvid> {
    const keys = await newKeys(choice.key);
    const leaf = await mint(
      {
        uris: [`spiffe://${this.trustDomain}/ns/prod/agent/alice`],
        subject: "O=SPIFFE",
        keyUsage: KEY_USAGE.digitalSignature,
        extendedKeyUsage: Object.values(EXTENDED_KEY_USAGE),
        ...choice,
      },
      this.#subject,
      keys,
      choice.selfSigned === true ? keys.privateKey : this.#keys.privateKey,
    );
    const chain = [leaf, ...this.path];
    const privateKey = new Uint8Array(
      await webcrypto.subtle.exportKey("pkcs8", keys.privateKey),
    );
    return {
      chain,
      privateKey,
      certPem: chain.map(toPem).join(""),
      keyPem: createPrivateKey({
        key: Buffer.from(privateKey),
        format: "der",
        type: "pkcs8",
      })
        .export({ type: "pkcs8", format: "pem" })
        .toString(),
    };
  }

  /** Its entry in a SPIFFE bundle document. */
  bundleKey(): Record<string, unknown> {
    return x509BundleKey(this.certificate);
  }
}

/** The `x509-svid` entry of a certificate in a bundle; public members for whoever reads JWKs. */
export function x509BundleKey(
  certificate: Uint8Array,
): Record<string, unknown> {
  return {
    use: "x509-svid",
    kty: "EC",
    x5c: [Buffer.from(certificate).toString("base64")],
  };
}

function authorityChoice(
  trustDomain: string,
  choice: FakeSvidChoice,
): FakeSvidChoice {
  return {
    uris: [`spiffe://${trustDomain}`],
    ca: true,
    keyUsage: KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign,
    extendedKeyUsage: null,
    ...choice,
  };
}

async function mint(
  choice: FakeSvidChoice,
  issuer: string,
  keys: webcrypto.CryptoKeyPair,
  signingKey: webcrypto.CryptoKey,
): Promise<Uint8Array> {
  const x509 = await loadX509();
  const now = Math.floor(Date.now() / 1000);
  const { uris = [], dnsNames = [], keyUsage, extendedKeyUsage } = choice;
  const names = [
    ...uris.map((value) => ({ type: "url" as const, value })),
    ...dnsNames.map((value) => ({ type: "dns" as const, value })),
  ];
  const extensions: X509.Extension[] = [
    new x509.BasicConstraintsExtension(
      choice.ca === true,
      choice.pathLength,
      true,
    ),
    ...(names.length === 0
      ? []
      : [
          new x509.SubjectAlternativeNameExtension(
            names,
            choice.namesCritical ?? choice.subject === "",
          ),
        ]),
    ...(keyUsage === null || keyUsage === undefined
      ? []
      : [
          new x509.KeyUsagesExtension(
            keyUsage,
            choice.keyUsageCritical ?? true,
          ),
        ]),
    ...(extendedKeyUsage === null || extendedKeyUsage === undefined
      ? []
      : [new x509.ExtendedKeyUsageExtension([...extendedKeyUsage])]),
    ...(choice.extensions ?? []).map(
      ({ oid, critical, value }) => new x509.Extension(oid, critical, value),
    ),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
  ];
  const { name } = signingKey.algorithm;
  const { hash = "SHA-256" } = choice;
  const certificate = await x509.X509CertificateGenerator.create({
    subject: choice.subject ?? "O=SPIFFE",
    issuer,
    notBefore: new Date((choice.notBefore ?? now - HOUR) * 1000),
    notAfter: new Date((choice.notAfter ?? now + HOUR) * 1000),
    publicKey: keys.publicKey,
    signingKey: name.startsWith("RSA")
      ? await withHash(signingKey, hash)
      : signingKey,
    signingAlgorithm: {
      name,
      hash,
      ...(name === "RSA-PSS" ? { saltLength: 32 } : {}),
    },
    extensions,
  });
  return new Uint8Array(certificate.rawData);
}

/** An RSA key signs with the one hash that it was imported for. */
async function withHash(
  key: webcrypto.CryptoKey,
  hash: string,
): Promise<webcrypto.CryptoKey> {
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", key);
  const { name } = key.algorithm;
  return webcrypto.subtle.importKey("pkcs8", pkcs8, { name, hash }, true, [
    "sign",
  ]);
}

function toPem(der: Uint8Array): string {
  const base64 = Buffer.from(der).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** Loaded on use: most tests make no certificates, and the library takes its time to load. */
async function loadX509(): Promise<typeof X509> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

async function newKeys(
  key: FakeSvidChoice["key"] = "P-256",
): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(
    key.startsWith("RSA")
      ? {
          name: key.startsWith("RSA-PSS") ? "RSA-PSS" : "RSASSA-PKCS1-v1_5",
          hash: "SHA-256",
          modulusLength: Number(key.split("-").at(-1)),
          publicExponent: new Uint8Array([1, 0, 1]),
        }
      : { name: "ECDSA", namedCurve: key },
    true,
    ["sign", "verify"],
  );
}

import { createHash, randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { TrustSource } from "@accredit/core/trust";
import {
  readIssuerJwks,
  type CredentialIssuerTrust,
  type IssuerKeys,
} from "@accredit/core/vc";
import type { FakeKey } from "./fake-authority.ts";

type Members = Readonly<Record<string, unknown>>;

/** What an SD-JWT of a {@link FakeCredentialIssuer} hides, and what it shows again. */
export interface FakeSdJwtChoice {
  readonly header?: Members;
  /** Names of top-level claims that stand behind digests. */
  readonly hidden?: readonly string[];
  /** Which of them the disclosures tell; all unless it says otherwise. */
  readonly disclosed?: readonly string[];
  readonly key?: FakeKey;
}

/** An SD-JWT VC with its parts, so that a test may take some away, change or repeat them. */
export interface FakeSdJwt {
  readonly issuerJwt: string;
  readonly disclosures: readonly string[];
  /** `issuerJwt~disclosure~…~` */
  readonly presented: string;
}

/** An issuer of Verifiable Credentials that mints whatever a test wants, right or wrong. */
export class FakeCredentialIssuer {
  readonly issuer: string;
  readonly keys: FakeKey[] = [];
  #made = 0;

  private constructor(issuer: string) {
    this.issuer = issuer;
  }

  static async create(
    options: { readonly issuer?: string; readonly algorithm?: string } = {},
  ): Promise<FakeCredentialIssuer> {
    const issuer = new FakeCredentialIssuer(
      options.issuer ?? "https://issuer.example",
    );
    await issuer.addKey(options.algorithm);
    return issuer;
  }

  /** Adds a key; the newest one signs. */
  async addKey(
    algorithm = "ES256",
    kid = `${this.issuer}#key-${++this.#made}`,
  ): Promise<FakeKey> {
    const key = await fakeKey(algorithm, kid);
    this.keys.push(key);
    return key;
  }

  /** Signs any claims with any header; a member that is undefined is left out. */
  async sign(
    claims: Members,
    header: Members = {},
    key: FakeKey | undefined = this.keys.at(-1),
  ): Promise<string> {
    if (key === undefined) throw new TypeError("the issuer has no key");
    return signWith(key, claims, { kid: key.kid, ...header });
  }

  /** A VC-JWT of the data model 1.1: claims, of which `vc` is one. */
  async jwtVc(claims: Members, header: Members = {}): Promise<string> {
    return this.sign(claims, { typ: "JWT", ...header });
  }

  /** A `vc+jwt`, whose whole payload is the credential. */
  async vcJwt(credential: Members, header: Members = {}): Promise<string> {
    return this.sign(credential, { typ: "vc+jwt", ...header });
  }

  /** An SD-JWT VC; disclosures and digests are made by hand (RFC 9901 section 4.2). */
  async sdJwtVc(
    claims: Members,
    { header = {}, hidden = [], disclosed = hidden, key }: FakeSdJwtChoice = {},
  ): Promise<FakeSdJwt> {
    const open: Record<string, unknown> = { ...claims };
    const digests: string[] = [];
    const disclosures: string[] = [];
    for (const name of hidden) {
      const disclosure = makeDisclosure(name, claims[name]);
      delete open[name];
      digests.push(
        disclosureDigest(disclosure, claims["_sd_alg"] as string | undefined),
      );
      if (disclosed.includes(name)) disclosures.push(disclosure);
    }
    const payload =
      digests.length === 0 ? open : { ...open, _sd: digests.toSorted() };
    const issuerJwt = await this.sign(
      payload,
      { typ: "dc+sd-jwt", ...header },
      key,
    );
    return {
      issuerJwt,
      disclosures,
      presented: presentSdJwt(issuerJwt, disclosures),
    };
  }

  /** The JWK Set that the issuer publishes. */
  jwks(): Buffer {
    const keys = this.keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid }));
    return Buffer.from(JSON.stringify({ keys }));
  }

  /** Its keys, as a server that read the set holds them. */
  heldKeys(): IssuerKeys {
    return readIssuerJwks(this.issuer, this.jwks());
  }

  /** What a server that trusts this issuer holds of it: its keys as they are now. */
  trusted(
    overrides: Partial<CredentialIssuerTrust> = {},
  ): CredentialIssuerTrust {
    const { keys } = this.heldKeys();
    return {
      issuer: this.issuer,
      types: ["SoftwareCredential", "https://issuer.example/types/software"],
      formats: ["jwt_vc", "vc+jwt", "dc+sd-jwt"],
      algorithms: [
        "ES256",
        "ES384",
        "ES512",
        "PS256",
        "PS384",
        "PS512",
        "RS256",
        "EdDSA",
        "Ed25519",
      ],
      keyBinding: "off",
      status: "if_present",
      maxLifetimeSeconds: 366 * 86_400,
      keys: {
        candidates: ({ kid }) =>
          keys.filter(({ id }) => kid === undefined || id === kid),
      },
      ...overrides,
    };
  }
}

/** A trust source that holds these issuers and no trust domain. */
export function credentialTrust(
  issuers: readonly CredentialIssuerTrust[],
): TrustSource {
  const held = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
  return {
    spiffe: () => undefined,
    credentialIssuer: (issuer) => held.get(issuer),
  };
}

/** A key of a holder, or of anybody else. */
export async function fakeKey(
  algorithm = "ES256",
  kid = "holder",
): Promise<FakeKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, {
    extractable: true,
  });
  return { kid, algorithm, privateKey, publicJwk: await exportJWK(publicKey) };
}

/**
 * An SD-JWT with a Key Binding JWT of its holder behind it.
 *
 * @param claims - `aud`, `iat`, `nonce`; `sd_hash` is made unless it is there
 */
export async function bindSdJwt(
  presented: string,
  key: FakeKey,
  claims: Members,
  header: Members = {},
): Promise<string> {
  const token = await signWith(
    key,
    { sd_hash: disclosureDigest(presented), ...claims },
    { typ: "kb+jwt", ...header },
  );
  return `${presented}${token}`;
}

/** An SD-JWT of any parts. */
export function presentSdJwt(
  issuerJwt: string,
  disclosures: readonly string[],
): string {
  return [issuerJwt, ...disclosures, ""].join("~");
}

/** A disclosure of a member, or of an element where there is no name. */
export function makeDisclosure(
  name: string | undefined,
  value: unknown,
): string {
  const salt = randomBytes(16).toString("base64url");
  const parts = name === undefined ? [salt, value] : [salt, name, value];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** The digest of a disclosure, by the `_sd_alg` that an SD-JWT names. */
export function disclosureDigest(
  disclosure: string,
  algorithm = "sha-256",
): string {
  return createHash(algorithm.replace("-", ""))
    .update(disclosure)
    .digest("base64url");
}

async function signWith(
  { algorithm, privateKey }: FakeKey,
  claims: Members,
  header: Members,
): Promise<string> {
  return new SignJWT(defined(claims))
    .setProtectedHeader(
      defined({ alg: algorithm, ...header }) as { alg: string },
    )
    .sign(privateKey);
}

function defined(members: Members): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  );
}

import {
  exportJWK,
  generateKeyPair,
  SignJWT,
  type CryptoKey,
  type JWK,
} from "jose";
import {
  parseSpiffeBundle,
  parseTrustDomainName,
  type SpiffeBundle,
  type TrustDomainName,
} from "@accredit/core/spiffe";
import type { SpiffeTrust, TrustSource } from "@accredit/core/trust";

/** A signing key of a {@link FakeAuthority}. */
export interface FakeKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** A trust domain that mints whatever JWT-SVID a test wants, right or wrong. */
export class FakeAuthority {
  readonly trustDomain: TrustDomainName;
  readonly keys: FakeKey[] = [];
  /** Entries of the bundle beside its JWT keys: X.509 authorities and whatever else a test wants there. */
  readonly otherKeys: Record<string, unknown>[] = [];
  sequence = 1;
  #made = 0;

  private constructor(trustDomain: string) {
    this.trustDomain = parseTrustDomainName(trustDomain);
  }

  static async create(
    options: {
      readonly trustDomain?: string;
      readonly algorithm?: string;
    } = {},
  ): Promise<FakeAuthority> {
    const authority = new FakeAuthority(options.trustDomain ?? "example.org");
    await authority.addKey(options.algorithm);
    return authority;
  }

  /** Adds a key; the newest one signs. */
  async addKey(
    algorithm = "ES256",
    kid = `${this.trustDomain}-${++this.#made}`,
  ): Promise<FakeKey> {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, {
      extractable: true,
    });
    const key = {
      kid,
      algorithm,
      privateKey,
      publicJwk: await exportJWK(publicKey),
    };
    this.keys.push(key);
    this.sequence++;
    return key;
  }

  removeKey(kid: string): void {
    this.keys.splice(
      this.keys.findIndex((key) => key.kid === kid),
      1,
    );
    this.sequence++;
  }

  /** Signs claims as they are; a claim or header member that is undefined is left out. */
  async jwtSvid(
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<Record<string, unknown>> = {},
    key: FakeKey | undefined = this.keys.at(-1),
  ): Promise<string> {
    if (key === undefined) throw new TypeError("the authority has no key");
    const members = { alg: key.algorithm, kid: key.kid, typ: "JWT", ...header };
    return new SignJWT(defined(claims))
      .setProtectedHeader(defined(members) as { alg: string })
      .sign(key.privateKey);
  }

  /** The SPIFFE bundle document of the trust domain. */
  bundleDocument(): Buffer {
    const keys = this.keys.map(({ kid, publicJwk }) => ({
      ...publicJwk,
      kid,
      use: "jwt-svid",
    }));
    return Buffer.from(
      JSON.stringify({
        spiffe_sequence: this.sequence,
        spiffe_refresh_hint: 300,
        keys: [...keys, ...this.otherKeys],
      }),
    );
  }

  async bundle(): Promise<SpiffeBundle> {
    return parseSpiffeBundle(this.bundleDocument());
  }
}

/** A trust source that holds the authorities' bundles as they are now. */
export async function staticTrust(
  authorities: readonly FakeAuthority[],
  overrides: Partial<SpiffeTrust> = {},
): Promise<TrustSource> {
  const domains = new Map<string, SpiffeTrust>();
  for (const authority of authorities) {
    const { trustDomain } = authority;
    domains.set(trustDomain, {
      trustDomain,
      issuer: {
        mode: "require",
        values: [`spiffe://${trustDomain}`, trustDomain],
      },
      keyId: "optional",
      bundle: await authority.bundle(),
      ...overrides,
    });
  }
  return { spiffe: (trustDomain) => domains.get(trustDomain) };
}

function defined(
  members: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  );
}

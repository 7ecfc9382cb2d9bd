import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import type { FakeKey } from "./fake-authority.ts";
import { fakeKey } from "./fake-credential-issuer.ts";

type Members = Readonly<Record<string, unknown>>;

/** What a WIT-SVID or a proof says; the defaults are those of a good one, and undefined leaves a member out. */
export interface FakeWitChoice {
  readonly header?: Members;
  readonly claims?: Members;
  /** What signs it instead of the right key. */
  readonly key?: FakeKey;
}

/** A WIT-SVID and the key it is bound to. */
export interface FakeWitSvid {
  readonly token: string;
  readonly key: FakeKey;
  /** Makes the proof that goes with it: a fresh one for this audience. */
  proof(audience: string, choice?: FakeWitChoice): Promise<string>;
}

/** A trust domain that mints whatever WIT-SVID a test wants, right or wrong. */
export class FakeWitAuthority {
  readonly trustDomain: string;
  readonly key: FakeKey;
  /** Epoch seconds. */
  readonly #now: () => number;

  private constructor(trustDomain: string, key: FakeKey, now: () => number) {
    this.trustDomain = trustDomain;
    this.key = key;
    this.#now = now;
  }

  static async create({
    trustDomain = "example.org",
    algorithm = "ES256",
    kid = `${trustDomain}-wit`,
    now = () => Math.floor(Date.now() / 1000),
  }: {
    readonly trustDomain?: string;
    readonly algorithm?: string;
    readonly kid?: string;
    readonly now?: () => number;
  } = {}): Promise<FakeWitAuthority> {
    const key = await fakeKey(algorithm, kid);
    return new FakeWitAuthority(trustDomain, key, now);
  }

  /** Its entry in a SPIFFE bundle document. */
  bundleKey(): Record<string, unknown> {
    const { publicJwk, kid } = this.key;
    return { ...publicJwk, kid, use: "wit-svid" };
  }

  /** Mints a WIT-SVID bound to a new key of this algorithm. */
  async witSvid(
    choice: FakeWitChoice = {},
    algorithm = "ES256",
  ): Promise<FakeWitSvid> {
    const holder = await fakeKey(algorithm, "holder");
    const now = this.#now();
    const token = await sign(
      choice.key ?? this.key,
      { typ: "wit+jwt", kid: this.key.kid, ...choice.header },
      {
        sub: `spiffe://${this.trustDomain}/ns/prod/agent/alice`,
        iat: now,
        exp: now + 3600,
        cnf: { jwk: { ...holder.publicJwk, alg: algorithm } },
        ...choice.claims,
      },
    );
    return {
      token,
      key: holder,
      proof: (aud, proof = {}) => {
        const signer = proof.key ?? holder;
        return sign(
          signer,
          { typ: "oauth-client-attestation-pop+jwt", ...proof.header },
          { aud, jti: randomUUID(), iat: this.#now(), ...proof.claims },
        );
      },
    };
  }
}

async function sign(
  key: FakeKey,
  header: Members,
  claims: Members,
): Promise<string> {
  return new SignJWT(defined(claims))
    .setProtectedHeader({ alg: key.algorithm, ...defined(header) })
    .sign(key.privateKey);
}

function defined(members: Members): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  );
}

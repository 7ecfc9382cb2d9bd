import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from "jose";
import type { Clock, SigningKey, SigningKeyStore } from "@accredit/core/ports";

/** The authorization server's keys, as each user of them wants them. */
export interface SigningKeys {
  /** Private JWKs, newest first; only the token endpoint sees them. */
  readonly privateJwks: readonly JWK[];
  /** What `/jwks` publishes. */
  readonly publicJwks: readonly JWK[];
}

/**
 * Loads the signing keys from the store; on the first start makes one ES256 key and keeps it there.
 * They sign access tokens and nothing else, and no SVID or credential is ever trusted by them (TOK-03).
 */
export async function loadSigningKeys(
  store: SigningKeyStore,
  clock: Clock,
): Promise<SigningKeys> {
  const keys = await store.loadOrCreateSigningKeys(() =>
    generateSigningKey(clock),
  );
  const privateJwks = keys.map((key): JWK => ({
    ...(key.privateJwk as JWK),
    kid: key.kid,
    alg: key.algorithm,
    use: "sig",
  }));
  // Import once here, so that a damaged key stops the start and not the first token.
  await Promise.all(privateJwks.map((jwk) => importJWK(jwk, "ES256")));
  return { privateJwks, publicJwks: privateJwks.map(toPublic) };
}

async function generateSigningKey(clock: Clock): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const privateJwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(privateJwk);
  return {
    kid,
    algorithm: "ES256",
    privateJwk: { ...privateJwk },
    createdAt: clock.now(),
  };
}

/** Named members only, so that no private one can slip through. */
function toPublic({ kty, crv, x, y, kid, alg, use }: JWK): JWK {
  return definedOnly({ kty, crv, x, y, kid, alg, use });
}

function definedOnly(
  members: Readonly<Record<string, string | undefined>>,
): JWK {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  );
}

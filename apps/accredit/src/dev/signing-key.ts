import type { JWK, JWTHeaderParameters, JWTPayload } from "jose";
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  SignJWT,
} from "jose";

/** A key that signs tokens, with its private part; `id` is its `kid`. */
export interface StoredSigningKey {
  readonly id: string;
  readonly jwk: JWK;
}

/** Makes a P-256 key pair; its `kid` is the RFC 7638 thumbprint. */
export async function makeSigningKey(): Promise<StoredSigningKey> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(privateKey);
  const id = await calculateJwkThumbprint(jwk);
  return { id, jwk: { ...jwk, kid: id } };
}

/** Names the members to keep, so that a private one cannot slip through. */
export function publicJwk({ jwk }: StoredSigningKey): JWK {
  const { kty, crv, x, y, kid } = jwk;
  return { kty, crv, x, y, kid } as JWK;
}

/** Signs claims (ES256), header `alg`, `kid` and `typ` alone. */
export async function signToken(
  { id, jwk }: StoredSigningKey,
  typ: string,
  claims: JWTPayload,
): Promise<string> {
  const header: JWTHeaderParameters = { alg: "ES256", kid: id, typ };
  return new SignJWT(claims).setProtectedHeader(header).sign(jwk);
}

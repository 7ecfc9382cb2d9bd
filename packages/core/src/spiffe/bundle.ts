import type { JWK } from "jose";
import type { JwtSvidAlgorithm } from "./jwt-svid.ts";

/** One `jwt-svid` key of a bundle, public members only, checked to be a key we would trust. */
export interface JwtAuthority {
  readonly kid: string;
  /** The algorithms this key may verify: bound to the key type and curve, never to what a token says. */
  readonly algorithms: readonly JwtSvidAlgorithm[];
  /** Frozen; the same object every time, so that jose imports it once. */
  readonly jwk: Readonly<JWK>;
}

/** A key of the document that is not used, and why; shown to operators, never to clients. */
export interface SkippedKey {
  readonly index: number;
  readonly reason: string;
}

/** A parsed SPIFFE bundle document of one trust domain. It does not name its trust domain (BNDL-09). */
export interface SpiffeBundle {
  /** By `kid`. May be empty: then every JWT-SVID of the trust domain is untrusted (BNDL-03). */
  readonly jwtAuthorities: ReadonlyMap<string, JwtAuthority>;
  readonly sequence: bigint | undefined;
  readonly refreshHintSeconds: number | undefined;
  readonly skipped: readonly SkippedKey[];
}

export function parseSpiffeBundle(
  _document: Uint8Array,
): Promise<SpiffeBundle> {
  return Promise.reject(new Error("not yet"));
}

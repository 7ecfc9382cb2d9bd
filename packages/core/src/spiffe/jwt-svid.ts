import type { JsonObject } from "../json/index.ts";
import type { TrustSource } from "../trust/index.ts";
import type { CheckListener } from "../credential/checks.ts";
import type { SpiffeId } from "./id.ts";

/** The algorithms of JWT-SVID section 2.1 (SVID-02). */
export const JWT_SVID_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "ES256",
  "ES384",
  "ES512",
  "PS256",
  "PS384",
  "PS512",
] as const;
export type JwtSvidAlgorithm = (typeof JWT_SVID_ALGORITHMS)[number];

/** The named checks, in the order they run; `explain` lists them. */
export const JWT_SVID_CHECKS = [] as const;

/** What one endpoint wants of a JWT-SVID. All times in seconds. */
export interface JwtSvidRequirements {
  /** Registration demands `iss` (per trust source) and `iat`; authentication does not (CAUTH-03). */
  readonly purpose: "registration" | "client-authentication";
  /** One of these must be the sole value of `aud`, compared byte for byte. */
  readonly audiences: readonly string[];
  /** Epoch seconds. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
  /** Ceiling for exp - iat (or exp - now where there is no iat). */
  readonly maxLifetimeSeconds: number;
  /** Ceiling for now - iat, where there is an iat. */
  readonly maxAgeSeconds: number;
  readonly onCheck?: CheckListener | undefined;
}

declare const verified: unique symbol;

/** A JWT-SVID whose every check passed. Only `verifyJwtSvid` makes one. */
export interface VerifiedJwtSvid {
  readonly [verified]: true;
  readonly kind: "jwt-svid";
  readonly subject: SpiffeId;
  /** All claims of the payload, parsed once by the strict parser. */
  readonly claims: JsonObject;
  readonly algorithm: JwtSvidAlgorithm;
  readonly keyId: string;
  readonly issuer: string | undefined;
  readonly audience: string;
  readonly issuedAt: number | undefined;
  readonly expiresAt: number;
  readonly tokenId: string | undefined;
  /** base64url SHA-256 of `header.payload`: names the token in logs and audit without being it. */
  readonly fingerprint: string;
}

export function verifyJwtSvid(
  _token: string,
  _trust: TrustSource,
  _requirements: JwtSvidRequirements,
): Promise<VerifiedJwtSvid> {
  return Promise.reject(new Error("not yet"));
}

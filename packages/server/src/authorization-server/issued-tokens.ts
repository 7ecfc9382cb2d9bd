import { createLocalJWKSet, errors, jwtVerify, type JWK } from "jose";

/** An access token that this server issued and that has not expired. Times in epoch seconds. */
export interface IssuedToken {
  readonly tokenId: string;
  readonly clientId: string;
  readonly subject: string;
  /** The SPIFFE ID that acts, where the client stands for many (`act.sub`). */
  readonly instance: string | undefined;
  /** The SHA-256 thumbprint of the certificate it is bound to (`cnf.x5t#S256`). */
  readonly certificate: string | undefined;
  readonly audience: string;
  readonly scope: string | undefined;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** Reads one of our own access tokens; undefined for anything else, expired ones included. */
export type ReadIssuedToken = (
  token: string,
  now: number,
) => Promise<IssuedToken | undefined>;

/**
 * Makes the reader of our own access tokens (RFC 9068 section 4).
 *
 * @throws nothing for a bad token: a caller of introspection learns only that it is not active
 */
export function issuedTokenReader(
  issuer: string,
  publicJwks: readonly JWK[],
): ReadIssuedToken {
  const keys = createLocalJWKSet({ keys: [...publicJwks] });
  return async (token, now) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        typ: "at+jwt",
        algorithms: ["ES256"],
        currentDate: new Date(now * 1000),
        requiredClaims: ["exp", "iat", "jti", "sub", "aud", "client_id"],
      });
      const { jti, sub, aud, client_id: clientId, scope, iat, exp } = payload;
      if (typeof clientId !== "string" || typeof aud !== "string")
        return undefined;
      return {
        tokenId: jti ?? "",
        clientId,
        subject: sub ?? "",
        instance: memberOf(payload["act"], "sub"),
        certificate: memberOf(payload["cnf"], "x5t#S256"),
        audience: aud,
        scope: typeof scope === "string" ? scope : undefined,
        issuedAt: iat ?? 0,
        expiresAt: exp ?? 0,
      };
    } catch (error) {
      // TypeError: jose's word for input of a wrong shape.
      if (error instanceof errors.JOSEError || error instanceof TypeError)
        return undefined;
      throw error;
    }
  };
}

function memberOf(value: unknown, name: string): string | undefined {
  if (value === null || typeof value !== "object") return undefined;
  const member: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
  return typeof member === "string" ? member : undefined;
}

import type { JWK } from "jose";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { kindOf } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { readNumericDate } from "../vc/date-time.ts";
import {
  JWT_SVID_ALGORITHMS,
  type JwtSvidAlgorithm,
} from "./jwt-svid-header.ts";
import { judgeVerificationKey } from "./key-quality.ts";

/** The key that the sender of a WIT-SVID has to prove to hold. */
export interface Confirmation {
  /** Public members alone; frozen. */
  readonly confirmationJwk: Readonly<JWK>;
  /** `cnf.jwk.alg`: the one algorithm of its proofs. */
  readonly confirmationAlgorithm: JwtSvidAlgorithm;
}

/**
 * Judges `exp` and `nbf` at the moment given. `iat` only has to be a time: when the token begins to be valid
 * is for `nbf` to say (WIT-04).
 *
 * @param now - epoch seconds
 * @param tolerance - seconds
 * @throws {DcrError} `claims_invalid`, `credential_expired`, `credential_not_yet_valid`
 * @see WIT-SVID sections 3.4 to 3.6
 */
export function checkWitTimes(
  { exp, iat, nbf }: JsonObject,
  now: number,
  tolerance: number,
): { readonly issuedAt: number | undefined; readonly expiresAt: number } {
  if (exp === undefined) refuse("claims_invalid", "an exp claim", "none");
  const expiresAt = readNumericDate(exp, "exp");
  const issuedAt = iat === undefined ? undefined : readNumericDate(iat, "iat");
  const notBefore = nbf === undefined ? undefined : readNumericDate(nbf, "nbf");
  if (now >= expiresAt + tolerance)
    refuse("credential_expired", `exp after ${now}`, `${expiresAt}`);
  if (notBefore !== undefined && notBefore > now + tolerance)
    refuse("credential_not_yet_valid", `nbf not after ${now}`, `${notBefore}`);
  return { issuedAt, expiresAt };
}

/**
 * A WIT-SVID is for no one audience: its proofs are (WIT-03).
 *
 * @throws {DcrError} `claims_invalid`
 * @see WIT-SVID section 3.8
 */
export function refuseAudience(aud: JsonValue | undefined): void {
  if (aud !== undefined)
    refuse("claims_invalid", "no aud in a WIT-SVID", "one");
}

/**
 * The one key that the token is bound to: public, strong, and with the algorithm of its proofs.
 *
 * @throws {DcrError} `key_binding_invalid`
 * @see WIT-SVID section 3.2; RFC 7800 section 3.1
 */
export function readConfirmation(cnf: JsonValue | undefined): Confirmation {
  const { jwk, jwe, jku } = asObject(cnf, "cnf");
  if (jwe !== undefined || jku !== undefined)
    return invalid("cnf to hold jwk alone", "jwe or jku too");
  const key = asObject(jwk, "cnf.jwk");
  const alg = JWT_SVID_ALGORITHMS.find((allowed) => allowed === key["alg"]);
  if (alg === undefined) {
    return invalid(
      `cnf.jwk.alg to be one of ${JWT_SVID_ALGORITHMS.join(" ")}`,
      "another or none",
    );
  }
  if (key["use"] !== undefined && key["use"] !== "sig")
    return invalid("cnf.jwk to be for signatures", "another use");
  const verdict = judgeVerificationKey(key);
  if (!verdict.usable)
    return invalid("a usable public key in cnf.jwk", verdict.reason);
  return { confirmationJwk: verdict.jwk, confirmationAlgorithm: alg };
}

function asObject(value: JsonValue | undefined, name: string): JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    ? (value as JsonObject)
    : invalid(`${name} to be an object`, kindOf(value));
}

function invalid(expected: string, came: string): never {
  return refuse("key_binding_invalid", expected, came);
}

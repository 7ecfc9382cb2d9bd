import { DcrError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { kindOf, shown } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import type { SpiffeTrust } from "../trust/index.ts";
import { parseSpiffeId, type SpiffeId } from "./id.ts";
import type { JwtSvidRequirements } from "./jwt-svid.ts";

/**
 * The workload that `sub` names.
 *
 * @throws {DcrError} `subject_invalid`, `subject_not_a_workload`
 * @see JWT-SVID section 3.1
 */
export function checkSubject(sub: JsonValue | undefined): SpiffeId {
  if (typeof sub !== "string")
    refuse("subject_invalid", "sub to be a SPIFFE ID", kindOf(sub));
  let subject: SpiffeId;
  try {
    subject = parseSpiffeId(sub);
  } catch (cause) {
    if (!(cause instanceof DcrError)) throw cause;
    throw new DcrError("subject_invalid", `sub: ${cause.message}`, { cause });
  }
  if (subject.path === "") {
    refuse(
      "subject_not_a_workload",
      "sub to name a workload",
      "the SPIFFE ID of a trust domain",
    );
  }
  return subject;
}

/**
 * Judges `exp`, `iat` and `nbf` at the moment given.
 *
 * @throws {DcrError} `claims_invalid`, `credential_expired`, `credential_not_yet_valid`,
 *   `credential_too_old`, `credential_lifetime_too_long`
 * @see JWT-SVID section 3.3
 */
export function checkTimes(
  { exp, iat, nbf }: JsonObject,
  {
    purpose,
    now,
    clockToleranceSeconds: tolerance,
    maxLifetimeSeconds,
    maxAgeSeconds,
  }: JwtSvidRequirements,
): { readonly issuedAt: number | undefined; readonly expiresAt: number } {
  if (exp === undefined) refuse("claims_invalid", "an exp claim", "none");
  const expiresAt = numericDate(exp, "exp");
  if (iat === undefined && purpose === "registration") {
    refuse(
      "claims_invalid",
      "an iat claim, which registration requires",
      "none",
    );
  }
  const issuedAt = iat === undefined ? undefined : numericDate(iat, "iat");
  const notBefore = nbf === undefined ? undefined : numericDate(nbf, "nbf");

  if (now >= expiresAt + tolerance) {
    refuse("credential_expired", `exp after ${now}`, `${expiresAt}`);
  }
  if (notBefore !== undefined && notBefore > now + tolerance) {
    refuse("credential_not_yet_valid", `nbf not after ${now}`, `${notBefore}`);
  }
  if (issuedAt !== undefined) {
    if (issuedAt > now + tolerance)
      refuse("credential_not_yet_valid", `iat not after ${now}`, `${issuedAt}`);
    if (issuedAt > expiresAt)
      refuse(
        "claims_invalid",
        "iat not after exp",
        `iat ${issuedAt}, exp ${expiresAt}`,
      );
    if (now - issuedAt > maxAgeSeconds + tolerance) {
      refuse(
        "credential_too_old",
        `a credential issued at most ${maxAgeSeconds} s ago`,
        `${now - issuedAt} s`,
      );
    }
  }
  const lifetime = expiresAt - (issuedAt ?? now);
  const slack = issuedAt === undefined ? tolerance : 0;
  if (lifetime > maxLifetimeSeconds + slack) {
    refuse(
      "credential_lifetime_too_long",
      `a lifetime of at most ${maxLifetimeSeconds} s`,
      `${lifetime} s`,
    );
  }
  return { issuedAt, expiresAt };
}

/** A NumericDate in whole seconds: a fraction or an exponent would be a trap for other parsers. */
function numericDate(value: JsonValue, name: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    return refuse(
      "claims_invalid",
      `${name} to be whole epoch seconds`,
      kindOf(value),
    );
  }
  return value;
}

/**
 * The endpoint's audience must be the only one, as a string or in an array of one.
 *
 * @throws {DcrError} `audience_mismatch`
 * @see JWT-SVID section 3.2
 */
export function checkAudience(
  aud: JsonValue | undefined,
  accepted: readonly string[],
): string {
  const values = Array.isArray(aud) ? (aud as readonly JsonValue[]) : [aud];
  const [value] = values;
  if (values.length !== 1 || typeof value !== "string") {
    refuse(
      "audience_mismatch",
      `${accepted[0]} as the only aud`,
      Array.isArray(aud) ? `${values.length} values` : kindOf(aud),
    );
  }
  if (!accepted.includes(value)) {
    refuse(
      "audience_mismatch",
      `${accepted.join(" or ")} as the only aud`,
      shown(value),
    );
  }
  return value;
}

/**
 * Judges `iss` by the trust source's rule; it never finds keys.
 *
 * @throws {DcrError} `issuer_mismatch`
 * @see draft-kasselman-oauth-dcr-trusted-issuer-token section 5.1
 */
export function checkIssuer(
  iss: JsonValue | undefined,
  { issuer: rule, trustDomain }: SpiffeTrust,
  purpose: JwtSvidRequirements["purpose"],
): string | undefined {
  // The mode is for registration; an assertion's `iss` may be absent and, where it is there, must match.
  if (rule.mode === "ignore" && purpose === "registration") {
    return typeof iss === "string" ? iss : undefined;
  }
  if (iss === undefined) {
    if (purpose === "client-authentication" || rule.mode === "if_present")
      return undefined;
    throw new DcrError(
      "issuer_mismatch",
      `expected iss to be ${rule.values.join(" or ")}, got none: set jwt_issuer in SPIRE, or iss.mode: if_present for ${trustDomain} here`,
    );
  }
  if (typeof iss !== "string" || !rule.values.includes(iss)) {
    refuse(
      "issuer_mismatch",
      `iss to be ${rule.values.join(" or ")}`,
      shown(iss),
    );
  }
  return iss;
}

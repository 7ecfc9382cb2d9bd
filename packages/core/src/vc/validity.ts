import type { JsonObject } from "../json/index.ts";
import { refuse } from "../lib/refuse.ts";
import type { CredentialContent } from "./credential-content.ts";
import { readNumericDate } from "./date-time.ts";

/** The moment and the limits that a credential's times are held against; all in seconds. */
export interface ValidityLimits {
  readonly now: number;
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
}

/** When a credential was issued and when it ends, in epoch seconds. */
export interface Validity {
  readonly issuedAt: number | undefined;
  readonly expiresAt: number;
}

/**
 * Judges every time that a credential bears: `exp`, `nbf` and `iat`, the life of its signature, and
 * `validFrom` and `validUntil`, its own. The narrowest counts; one that says when it ends there has to be.
 *
 * @throws {DcrError} `claims_invalid`, `credential_expired`, `credential_not_yet_valid`,
 *   `credential_lifetime_too_long`
 * @see Verifiable Credentials Data Model 2.0 section 4.9; vc-jose-cose section 3.1.3
 */
export function checkValidity(
  { exp, nbf, iat }: JsonObject,
  { validFrom, validUntil }: CredentialContent,
  { now, clockToleranceSeconds: tolerance, maxLifetimeSeconds }: ValidityLimits,
): Validity {
  const ends = [
    exp === undefined ? undefined : readNumericDate(exp, "exp"),
    validUntil === undefined ? undefined : Math.floor(validUntil),
  ].filter((end) => end !== undefined);
  const starts = [
    nbf === undefined ? undefined : readNumericDate(nbf, "nbf"),
    validFrom,
  ].filter((start) => start !== undefined);
  const issuedAt = iat === undefined ? undefined : readNumericDate(iat, "iat");
  if (ends.length === 0) refuse("claims_invalid", "an expiry", "none");
  const expiresAt = Math.min(...ends);

  if (now >= expiresAt + tolerance)
    refuse("credential_expired", `an expiry after ${now}`, `${expiresAt}`);
  for (const start of [...starts, issuedAt ?? 0]) {
    if (start > now + tolerance)
      refuse(
        "credential_not_yet_valid",
        `a start not after ${now}`,
        `${start}`,
      );
    if (start > expiresAt)
      refuse(
        "claims_invalid",
        "a start before the expiry",
        `${start}, ${expiresAt}`,
      );
  }
  // Without iat it was issued no later than it became valid, and not after now.
  const from =
    issuedAt ?? (starts.length > 0 ? Math.min(Math.max(...starts), now) : now);
  const slack = issuedAt === undefined ? tolerance : 0;
  if (expiresAt - from > maxLifetimeSeconds + slack)
    refuse(
      "credential_lifetime_too_long",
      `a lifetime of at most ${maxLifetimeSeconds} s`,
      `${Math.ceil(expiresAt - from)} s`,
    );
  return { issuedAt, expiresAt };
}

import { createHash } from "node:crypto";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import {
  parseCompactJws,
  verifySignature,
  type UnverifiedJws,
} from "../lib/compact-jws.ts";
import { kindOf, shown } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { checkAudience } from "../spiffe/jwt-svid-claims.ts";
import {
  checkCredentialAlgorithm,
  refuseForbiddenMembers,
} from "./credential-header.ts";
import { readNumericDate } from "./date-time.ts";
import type { DigestHash } from "./disclosures.ts";
import type { IssuerKey } from "./issuer-key.ts";

/** How old a proof of the key may be: it is made for this one request. */
const MAX_AGE_SECONDS = 300;

/** What the endpoint wants of a Key Binding JWT; times in seconds. */
export interface KeyBindingRequirements {
  readonly audiences: readonly string[];
  readonly now: number;
  readonly clockToleranceSeconds: number;
}

/** A Key Binding JWT that was good. It is for one use: whoever sees it could send it again. */
export interface KeyProof {
  /** Base64url SHA-256 of what was signed. */
  readonly fingerprint: string;
  /** Epoch seconds: after this it is too old. */
  readonly expiresAt: number;
}

/** What a Key Binding JWT has to be bound to. */
export interface KeyBindingContext {
  readonly holderKey: IssuerKey | undefined;
  /** The SD-JWT as it came, up to and with its last `~`. */
  readonly presented: string;
  readonly hash: DigestHash;
}

/**
 * Verifies that the presenter of an SD-JWT holds the key that it names. No document gives the registration
 * endpoint a nonce to hand out: the proof is bound by its audience, by the SD-JWT it was made for and by
 * its age; a nonce has to be there and is not compared (AMB-11).
 *
 * @throws {DcrError} `key_binding_invalid`, whatever is wrong
 * @see RFC 9901 section 7.3
 */
export async function verifyKeyBinding(
  token: string,
  context: KeyBindingContext,
  requirements: KeyBindingRequirements,
): Promise<KeyProof> {
  try {
    return await verify(token, context, requirements);
  } catch (cause) {
    if (!(cause instanceof DcrError)) throw cause;
    throw new DcrError(
      "key_binding_invalid",
      `Key Binding JWT: ${cause.message}`,
      { cause },
    );
  }
}

async function verify(
  token: string,
  { holderKey, presented, hash }: KeyBindingContext,
  requirements: KeyBindingRequirements,
): Promise<KeyProof> {
  if (holderKey === undefined)
    return refuse("key_binding_invalid", "cnf.jwk to verify it with", "none");
  const jws = parseCompactJws(token);
  const { header, payload } = jws;
  if (header["typ"] !== "kb+jwt")
    refuse("header_invalid", "typ kb+jwt", shown(header["typ"]));
  refuseForbiddenMembers(header);
  const algorithm = checkCredentialAlgorithm(
    header["alg"],
    holderKey.algorithms,
  );
  await checkSignature(jws, holderKey, algorithm);
  const digest = createHash(hash.name).update(presented).digest("base64url");
  if (payload["sd_hash"] !== digest)
    refuse("claims_invalid", "sd_hash of this SD-JWT", shownType(payload));
  checkAudience(payload["aud"], requirements.audiences);
  const { nonce } = payload;
  if (typeof nonce !== "string" || nonce === "")
    refuse("claims_invalid", "a nonce", kindOf(nonce));
  const issuedAt = checkAge(payload, requirements);
  return {
    // Of what was signed: another signature over the same is the same proof.
    fingerprint: createHash("sha256")
      .update(jws.signingInput)
      .digest("base64url"),
    expiresAt: issuedAt + MAX_AGE_SECONDS,
  };
}

async function checkSignature(
  { token }: UnverifiedJws,
  { jwk }: IssuerKey,
  algorithm: string,
): Promise<void> {
  if (!(await verifySignature(token, jwk, algorithm)))
    refuse(
      "signature_invalid",
      "a signature by the key in cnf.jwk",
      "one that does not verify",
    );
}

function checkAge(
  { iat, exp, nbf }: JsonObject,
  { now, clockToleranceSeconds: tolerance }: KeyBindingRequirements,
): number {
  if (iat === undefined) refuse("claims_invalid", "an iat claim", "none");
  const issuedAt = readNumericDate(iat, "iat");
  if (
    issuedAt > now + tolerance ||
    now - issuedAt > MAX_AGE_SECONDS + tolerance
  )
    refuse(
      "claims_invalid",
      `iat within ${MAX_AGE_SECONDS} s before ${now}`,
      `${issuedAt}`,
    );
  if (exp !== undefined && now >= readNumericDate(exp, "exp") + tolerance)
    refuse("credential_expired", `exp after ${now}`, "an earlier one");
  if (nbf !== undefined && readNumericDate(nbf, "nbf") > now + tolerance)
    refuse("credential_not_yet_valid", `nbf not after ${now}`, "a later one");
  return issuedAt;
}

function shownType({ sd_hash: hash }: JsonObject): string {
  return typeof hash === "string" ? "another" : kindOf(hash);
}

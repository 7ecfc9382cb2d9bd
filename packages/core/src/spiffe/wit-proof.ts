import {
  parseProof,
  proofEnd,
  proofFingerprint,
  textClaim,
  timeClaim,
} from "../credential/proof-jwt.ts";
import type { JsonObject } from "../json/index.ts";
import { verifySignature } from "../lib/compact-jws.ts";
import { shown } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { checkAudience } from "./jwt-svid-claims.ts";
import type { VerifiedWitSvid } from "./wit-svid.ts";

/** What the token endpoint wants of the proof beside a WIT-SVID. Times in seconds. */
export interface WitProofRequirements {
  /** Accepted `aud` values; one of them must be the sole audience. */
  readonly audiences: readonly string[];
  /** Epoch seconds. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
  /** How old the proof may be. */
  readonly maxAgeSeconds: number;
}

declare const verified: unique symbol;

/** A proof whose every check passed. Only {@link verifyWitProof} makes one. Times in epoch seconds. */
export interface VerifiedWitProof {
  readonly [verified]: true;
  /** `jti`: single use, for one key, until `expiresAt` and the clock tolerance are over (CAUTH-12). */
  readonly proofId: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** What the sender says the server gave out; the caller compares it, where it gives any. */
  readonly challenge: string | undefined;
  /** base64url SHA-256 of `header.payload`: names the proof in logs and audit without being it. */
  readonly fingerprint: string;
}

const TYPE = "oauth-client-attestation-pop+jwt";
const HEADER = ["alg", "kid", "typ"];

/**
 * Verifies that the sender of a WIT-SVID holds the key that it names: a fresh token for this server alone,
 * signed with that key and the algorithm that goes with it.
 *
 * @throws {DcrError} why not
 * @see draft-ietf-oauth-attestation-based-client-auth sections 5.2 and 7
 */
export async function verifyWitProof(
  proof: string,
  wit: VerifiedWitSvid,
  requirements: WitProofRequirements,
): Promise<VerifiedWitProof> {
  const { confirmationJwk, confirmationAlgorithm } = wit;
  const jws = parseProof(proof, [TYPE], HEADER);
  const { header, payload } = jws;
  if (header["alg"] !== confirmationAlgorithm) {
    refuse(
      "algorithm_not_allowed",
      `alg ${confirmationAlgorithm}, as the WIT-SVID says`,
      shown(header["alg"]),
    );
  }
  if (!(await verifySignature(proof, confirmationJwk, confirmationAlgorithm))) {
    refuse(
      "signature_invalid",
      "a proof signed with the key of the WIT-SVID",
      "one that does not verify",
    );
  }
  checkAudience(payload["aud"], requirements.audiences);
  const proofId = textClaim(payload, "jti");
  const times = checkTimes(payload, requirements);
  return {
    proofId,
    ...times,
    challenge:
      payload["challenge"] === undefined
        ? undefined
        : textClaim(payload, "challenge"),
    fingerprint: proofFingerprint(jws),
  } as Omit<VerifiedWitProof, typeof verified> as VerifiedWitProof;
}

/** From `iat` for as long as a proof may last; an `exp` can only end it sooner. */
function checkTimes(
  payload: JsonObject,
  { now, clockToleranceSeconds, maxAgeSeconds }: WitProofRequirements,
): { readonly issuedAt: number; readonly expiresAt: number } {
  const issuedAt = timeClaim(payload, "iat");
  if (issuedAt === undefined)
    return refuse("claims_invalid", "iat in the proof", "none");
  const oldest = issuedAt + maxAgeSeconds;
  const exp = Math.min(oldest, timeClaim(payload, "exp") ?? oldest);
  const expiresAt = proofEnd(
    { ...payload, exp },
    { now, clockToleranceSeconds, maxLifetimeSeconds: maxAgeSeconds },
  );
  return { issuedAt, expiresAt };
}

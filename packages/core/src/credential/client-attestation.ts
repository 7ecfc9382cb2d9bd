import { calculateJwkThumbprint } from "jose";
import { DcrError } from "../errors.ts";
import type { ReplayGuard } from "../ports.ts";
import { verifyWitProof } from "../spiffe/wit-proof.ts";
import { verifyWitSvid, type VerifiedWitSvid } from "../spiffe/wit-svid.ts";
import type { TrustSource } from "../trust/index.ts";

/** A WIT-SVID and the proof of its key, as two headers carry them; nothing about them is verified. */
export interface ClientAttestation {
  /** `OAuth-Client-Attestation`: the WIT-SVID. */
  readonly attestation: string;
  /** `OAuth-Client-Attestation-PoP`: the proof that the sender holds its key. */
  readonly proof: string;
}

/** What an endpoint wants of a client attestation. Times in seconds. */
export interface ClientAttestationRequirements {
  /** Accepted `aud` values of the proof; one of them must be the sole audience. */
  readonly audiences: readonly string[];
  /** Epoch seconds. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
}

/** A proof is made for the request it comes with. */
const PROOF_MAX_AGE_SECONDS = 300;

/**
 * Verifies that the sender is the workload that a WIT-SVID names: the token by its trust domain's keys, the
 * proof by the key in the token. A proof is good once (CAUTH-12); whoever does not hold the key cannot use
 * one up.
 *
 * @throws {DcrError} why not; `attestation_not_fresh` where the WIT-SVID is good but for its age
 * @see draft-ietf-oauth-spiffe-client-auth section 3.3; draft-ietf-oauth-attestation-based-client-auth section 7
 */
export async function verifyClientAttestation(
  { attestation, proof }: ClientAttestation,
  trust: TrustSource,
  requirements: ClientAttestationRequirements,
  replays: ReplayGuard,
): Promise<VerifiedWitSvid> {
  const wit = await verifyFreshWit(attestation, trust, requirements);
  const { proofId, expiresAt } = await verifyWitProof(proof, wit, {
    ...requirements,
    maxAgeSeconds: PROOF_MAX_AGE_SECONDS,
  });
  const holder = await calculateJwkThumbprint(wit.confirmationJwk);
  const end = Math.ceil(expiresAt + requirements.clockToleranceSeconds);
  if (!(await replays.claimOnce(`wit-proof ${holder} ${proofId}`, end))) {
    throw new DcrError(
      "assertion_replayed",
      "expected a proof that was not used before, got one that was",
    );
  }
  return wit;
}

/** An expired WIT-SVID is the one fault that the sender mends by fetching another, so it is told. */
async function verifyFreshWit(
  attestation: string,
  trust: TrustSource,
  requirements: ClientAttestationRequirements,
): Promise<VerifiedWitSvid> {
  try {
    return await verifyWitSvid(attestation, trust, requirements);
  } catch (cause) {
    if (!(cause instanceof DcrError) || cause.code !== "credential_expired")
      throw cause;
    throw new DcrError("attestation_not_fresh", cause.message, { cause });
  }
}

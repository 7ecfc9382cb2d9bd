import { calculateJwkThumbprint } from "jose";
import type { VerifiedCredential } from "../credential/verify.ts";
import { verifyDpopProof } from "../credential/dpop.ts";
import { DcrError } from "../errors.ts";
import type { ReplayGuard } from "../ports.ts";

/** What a proof of possession is judged by. */
export interface PossessionRequirements {
  /** The `DPoP` header of the request; undefined where it has none. */
  readonly dpop: string | undefined;
  /** The method and the URL that a proof has to be made for. */
  readonly method: "POST" | "PUT";
  readonly url: string;
  /** Epoch seconds. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
}

/**
 * Whether the sender proved to hold the key that the credential names. A credential that names one is
 * worth nothing without that proof: a Key Binding JWT, or a DPoP proof for this request (AMB-11, VC-14).
 *
 * @returns false for a credential that names no key
 * @throws {DcrError} `key_binding_invalid`
 */
export async function provePossession(
  credential: VerifiedCredential,
  requirements: PossessionRequirements,
  replays: ReplayGuard,
): Promise<boolean> {
  if (credential.kind !== "vc" || credential.confirmationJwk === undefined)
    return false;
  if (credential.keyProof !== undefined) {
    const { fingerprint, expiresAt } = credential.keyProof;
    await useUp(`kb-jwt ${fingerprint}`, expiresAt, requirements, replays);
    return true;
  }
  const { dpop } = requirements;
  if (dpop === undefined) {
    throw new DcrError(
      "key_binding_invalid",
      "expected a proof of the key that the credential names in cnf: a DPoP header for this request, or a Key Binding JWT; got none",
    );
  }
  const proof = await readProof(dpop, requirements);
  const named = await calculateJwkThumbprint(credential.confirmationJwk);
  if (proof.thumbprint !== named) {
    throw new DcrError(
      "key_binding_invalid",
      "expected a DPoP proof of the key that the credential names, got one of another key",
    );
  }
  const key = `dpop ${proof.thumbprint} ${proof.tokenId}`;
  await useUp(key, proof.expiresAt, requirements, replays);
  return true;
}

/** A proof that was seen is worth nothing to whoever saw it. */
async function useUp(
  key: string,
  expiresAt: number,
  { clockToleranceSeconds }: PossessionRequirements,
  replays: ReplayGuard,
): Promise<void> {
  const end = Math.ceil(expiresAt + clockToleranceSeconds);
  if (!(await replays.claimOnce(key, end))) {
    throw new DcrError(
      "key_binding_invalid",
      "expected a proof that was not used before, got one that was",
    );
  }
}

async function readProof(
  dpop: string,
  requirements: PossessionRequirements,
): ReturnType<typeof verifyDpopProof> {
  try {
    return await verifyDpopProof(dpop, requirements);
  } catch (cause) {
    if (!(cause instanceof DcrError)) throw cause;
    throw new DcrError(
      "key_binding_invalid",
      `the DPoP proof does not do: ${cause.message}`,
      { cause },
    );
  }
}

import { calculateJwkThumbprint } from "jose";
import type { VerifiedCredential } from "../credential/verify.ts";
import { verifyDpopProof } from "../credential/dpop.ts";
import { DcrError } from "../errors.ts";
import type { ReplayGuard } from "../ports.ts";

/** What a proof of possession is judged by. */
export interface PossessionRequirements {
  /** The `DPoP` header of the request; undefined where it has none. */
  readonly dpop: string | undefined;
  /** The URL that a proof has to be made for. */
  readonly registrationEndpoint: string;
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
  if (credential.keyProven) return true;
  const { dpop, registrationEndpoint } = requirements;
  if (dpop === undefined) {
    throw new DcrError(
      "key_binding_invalid",
      "expected a proof of the key that the credential names in cnf: a DPoP header for this request, or a Key Binding JWT; got none",
    );
  }
  const proof = await readProof(dpop, {
    ...requirements,
    registrationEndpoint,
  });
  const named = await calculateJwkThumbprint(credential.confirmationJwk);
  if (proof.thumbprint !== named) {
    throw new DcrError(
      "key_binding_invalid",
      "expected a DPoP proof of the key that the credential names, got one of another key",
    );
  }
  const key = `dpop ${proof.thumbprint} ${proof.tokenId}`;
  const end = proof.expiresAt + requirements.clockToleranceSeconds;
  if (!(await replays.claimOnce(key, Math.ceil(end)))) {
    throw new DcrError(
      "key_binding_invalid",
      "expected a DPoP proof that was not used before, got one that was",
    );
  }
  return true;
}

async function readProof(
  dpop: string,
  requirements: PossessionRequirements,
): ReturnType<typeof verifyDpopProof> {
  try {
    return await verifyDpopProof(dpop, {
      ...requirements,
      method: "POST",
      url: requirements.registrationEndpoint,
    });
  } catch (cause) {
    if (!(cause instanceof DcrError)) throw cause;
    throw new DcrError(
      "key_binding_invalid",
      `the DPoP proof does not do: ${cause.message}`,
      { cause },
    );
  }
}

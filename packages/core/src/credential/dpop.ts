import { calculateJwkThumbprint } from "jose";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import { verifySignature } from "../lib/compact-jws.ts";
import { checkIssuerAlgorithm, judgeIssuerKey } from "../vc/issuer-key.ts";
import {
  parseProof,
  proofEnd,
  textClaim,
  type ProofWindow,
} from "./proof-jwt.ts";

/** What a DPoP proof has to be made for. */
export interface DpopRequirements extends Omit<
  ProofWindow,
  "maxLifetimeSeconds"
> {
  readonly method: string;
  /** The request's URL, without query and fragment. */
  readonly url: string;
}

/** A proof whose every check passed. */
export interface VerifiedDpopProof {
  /** RFC 7638 SHA-256 thumbprint of the key that the sender holds. */
  readonly thumbprint: string;
  /** Single use: whoever takes the proof claims it. */
  readonly tokenId: string;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/** A proof is made for the request it comes with. */
const MAX_AGE_SECONDS = 300;

/**
 * Verifies a DPoP proof: that the sender of this very request holds a key. Which key it has to be is the
 * caller's business.
 *
 * @throws {DcrError} why not
 * @see RFC 9449 section 4.3
 */
export async function verifyDpopProof(
  proof: string,
  requirements: DpopRequirements,
): Promise<VerifiedDpopProof> {
  const { header, payload } = parseProof(
    proof,
    ["dpop+jwt"],
    ["alg", "typ", "jwk"],
  );
  const algorithm = checkIssuerAlgorithm(header["alg"]);
  const { jwk } = header;
  const key =
    jwk !== null && typeof jwk === "object" && !Array.isArray(jwk)
      ? judgeIssuerKey(undefined, jwk as JsonObject)
      : "no JSON object";
  if (typeof key === "string" || !key.algorithms.includes(algorithm)) {
    throw new DcrError(
      "header_invalid",
      `expected a public key for alg in jwk, got ${typeof key === "string" ? key : "one of another type"}`,
    );
  }
  if (!(await verifySignature(proof, key.jwk, algorithm))) {
    throw new DcrError(
      "signature_invalid",
      "expected a proof signed with the key in its header, got one that does not verify",
    );
  }
  if (
    textClaim(payload, "htm") !== requirements.method ||
    textClaim(payload, "htu") !== requirements.url
  ) {
    throw new DcrError(
      "audience_mismatch",
      `expected htm ${requirements.method} and htu ${requirements.url} in the proof, got others`,
    );
  }
  if (payload["iat"] === undefined)
    throw new DcrError("claims_invalid", "expected iat in the proof, got none");
  return {
    thumbprint: await calculateJwkThumbprint(key.jwk),
    tokenId: textClaim(payload, "jti"),
    expiresAt: proofEnd(
      { ...payload, exp: undefined } as unknown as JsonObject,
      { ...requirements, maxLifetimeSeconds: MAX_AGE_SECONDS },
    ),
  };
}

import { DcrError } from "../errors.ts";
import type {
  JwtSvidRequirements,
  VerifiedJwtSvid,
} from "../spiffe/jwt-svid.ts";
import { detectCredentialKind } from "../vc/kind.ts";
import { verifyCredential, type VerifiedVc } from "../vc/verify-credential.ts";
import type { VerifiedWitSvid } from "../spiffe/wit-svid.ts";
import { JWT_SVID_CHECKS, verifyJwtSvid } from "../spiffe/jwt-svid.ts";
import type { TrustSource } from "../trust/index.ts";

/** draft-ietf-oauth-spiffe-client-auth section 3.1. */
export const JWT_SPIFFE_ASSERTION_TYPE =
  "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/** Every kind of credential that a client may register with. */
export type VerifiedCredential =
  | VerifiedJwtSvid
  | VerifiedVc
  /** Never a software statement: it comes with a proof of its key (WIT-06). */
  | VerifiedWitSvid;

/** What an endpoint wants of a credential; which endpoint it is follows from the function called. */
export type CredentialRequirements = Omit<JwtSvidRequirements, "purpose">;

/**
 * Verifies a software statement, whichever kind it is: the kind is fixed by the token's form and `typ`
 * before any key is chosen, and there is no fallback from one kind to another (DCR-TI-18). How long a
 * Verifiable Credential may last is its issuer's configuration, not the limits of SVIDs.
 *
 * @throws {DcrError}
 * @see draft-kasselman-oauth-dcr-trusted-issuer-token section 5
 */
export async function verifySoftwareStatement(
  statement: string,
  trust: TrustSource,
  requirements: CredentialRequirements,
): Promise<VerifiedCredential> {
  const { audiences, now, clockToleranceSeconds, onCheck } = requirements;
  if (detectCredentialKind(statement, onCheck) !== "jwt-svid") {
    return verifyCredential(statement, trust, {
      audiences,
      now,
      clockToleranceSeconds,
      onCheck,
    });
  }
  return verifyJwtSvid(statement, trust, {
    ...requirements,
    purpose: "registration",
  });
}

/**
 * Verifies a client assertion: the same rules as a statement, for another audience, and without the claims
 * that only registration demands (CAUTH-03).
 *
 * @throws {DcrError}
 * @see draft-ietf-oauth-spiffe-client-auth section 3.1
 */
export async function verifyClientAssertion(
  assertion: string,
  trust: TrustSource,
  requirements: CredentialRequirements,
): Promise<VerifiedJwtSvid> {
  refuseOtherKinds(assertion, requirements);
  return verifyJwtSvid(assertion, trust, {
    ...requirements,
    purpose: "client-authentication",
  });
}

/** `~` stands in no compact JWS, and in every SD-JWT. Other kinds show in the header and the claims. */
function refuseOtherKinds(
  token: string,
  { onCheck }: CredentialRequirements,
): void {
  if (!token.includes("~")) return;
  const detail = "expected a JWT-SVID, got an SD-JWT";
  const requirement = JWT_SVID_CHECKS.kind;
  onCheck?.({ check: "kind", verdict: "fail", detail, requirement });
  throw new DcrError("credential_kind_unsupported", detail);
}

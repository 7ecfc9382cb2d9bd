import type {
  JwtSvidRequirements,
  VerifiedJwtSvid,
} from "../spiffe/jwt-svid.ts";
import { verifyJwtSvid } from "../spiffe/jwt-svid.ts";
import type { TrustSource } from "../trust/index.ts";

/** Every kind of credential that may be a software statement. Verifiable Credentials join here. */
export type VerifiedCredential = VerifiedJwtSvid;

/**
 * Verifies a software statement, whichever kind it is: the kind is fixed by the token's form and `typ`
 * before any key is chosen, and there is no fallback from one kind to another (DCR-TI-18).
 *
 * @throws {DcrError}
 */
export function verifySoftwareStatement(
  statement: string,
  trust: TrustSource,
  requirements: Omit<JwtSvidRequirements, "purpose">,
): Promise<VerifiedCredential> {
  return verifyJwtSvid(statement, trust, {
    ...requirements,
    purpose: "registration",
  });
}

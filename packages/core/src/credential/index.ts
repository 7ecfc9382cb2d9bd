export {
  JWT_SPIFFE_ASSERTION_TYPE,
  verifyClientAssertion,
  verifySoftwareStatement,
} from "./verify.ts";
export type { CredentialRequirements, VerifiedCredential } from "./verify.ts";
export {
  JWT_BEARER_ASSERTION_TYPE,
  readAssertionClient,
  verifyPrivateKeyJwt,
} from "./private-key-jwt.ts";
export type {
  PrivateKeyJwtRequirements,
  VerifiedPrivateKeyJwt,
} from "./private-key-jwt.ts";
export { verifyClientAttestation } from "./client-attestation.ts";
export type {
  ClientAttestation,
  ClientAttestationRequirements,
} from "./client-attestation.ts";
export type { CheckListener, CheckResult } from "./checks.ts";

export {
  JWT_SPIFFE_ASSERTION_TYPE,
  verifyClientAssertion,
  verifySoftwareStatement,
} from "./verify.ts";
export type { CredentialRequirements, VerifiedCredential } from "./verify.ts";
export type { CheckListener, CheckResult } from "./checks.ts";

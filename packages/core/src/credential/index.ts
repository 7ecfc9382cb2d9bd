export { verifySoftwareStatement } from "./verify.ts";
export type { CheckListener, CheckResult } from "./checks.ts";
export type { VerifiedCredential } from "./verify.ts";

export type {
  ClientAuthMethod,
  ClientMetadata,
  Provenance,
  RegisteredClient,
  RegisteredCredential,
  SpiffeAuthMethod,
  SpiffeClient,
  VcClient,
} from "./client.ts";
export { attestationOf, earlierAttestation } from "./attestation.ts";
export type { Attestation } from "./attestation.ts";
export { checkPolicyRule } from "./check-rule.ts";
export type { RuleProblem } from "./check-rule.ts";
export { clientSubjects, decide, findRule, matchRule } from "./policy.ts";
export type {
  AttestedSubject,
  CredentialSubject,
  Decision,
  Policy,
  PolicyAllowance,
  PolicyRule,
  RuleMatch,
  ServerCapabilities,
} from "./policy.ts";
export type { Mismatch, Reason } from "./reason.ts";
export { mergeMetadata } from "./merge.ts";
export type { ProposedMetadata } from "./merge.ts";
export { redirectUriProblem } from "./redirect-uri.ts";
export { register } from "./register.ts";
export type {
  Registration,
  RegistrationPorts,
  RegistrationRequest,
  RegistrationSettings,
} from "./register.ts";
export { auditRow, factsOf } from "./registration-audit.ts";
export type { AuditedRequest, RefusalSource } from "./registration-audit.ts";
export { hashManagementToken } from "./propose.ts";
export { updateRegistration } from "./update.ts";
export type { UpdateRequest } from "./update.ts";
export { suspended, withdrawalOf } from "./standing.ts";
export type { StandingPorts, Withdrawal } from "./standing.ts";
export { withinPolicy } from "./within-policy.ts";
export { explainRegistration } from "./explain.ts";
export type { Explanation } from "./explain.ts";

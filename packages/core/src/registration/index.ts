export type {
  ClientMetadata,
  Provenance,
  RegisteredClient,
  SpiffeAuthMethod,
  SpiffeClient,
} from "./client.ts";
export { decide } from "./policy.ts";
export type { Decision, Policy, PolicyRule, Reason } from "./policy.ts";
export { mergeMetadata } from "./merge.ts";
export type { ProposedMetadata } from "./merge.ts";
export { register } from "./register.ts";
export type {
  RegistrationPorts,
  RegistrationRequest,
  RegistrationSettings,
} from "./register.ts";
export { explainRegistration } from "./explain.ts";
export type { Explanation } from "./explain.ts";

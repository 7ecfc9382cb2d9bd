export { readDidDocument } from "./did-document.ts";
export { readDidJwk, readDidKey } from "./did-key.ts";
export { didWebUrl, MAX_DID_LENGTH } from "./did-web.ts";
export type { DidWebOptions } from "./did-web.ts";
export { MAX_ISSUER_DOCUMENT_BYTES } from "./issuer-document.ts";
export {
  checkIssuerAlgorithm,
  ISSUER_ALGORITHMS,
  findIssuerKey,
  keysNamed,
  onlyFittingKey,
} from "./issuer-key.ts";
export type {
  IssuerAlgorithm,
  IssuerKey,
  IssuerKeys,
  SkippedIssuerKey,
} from "./issuer-key.ts";
export {
  jwtVcIssuerUrl,
  readIssuerJwks,
  readJwtVcIssuer,
} from "./issuer-metadata.ts";
export type { IssuerKeyPlace } from "./issuer-metadata.ts";
export { MAX_STATUS_LIST_BYTES } from "./status-decode.ts";
export {
  decodeBitstring,
  decodeStatusList2021,
  decodeTokenStatusList,
  isSameList,
  statusOf,
} from "./status-list.ts";
export type {
  CredentialStatus,
  ListReference,
  StatusBits,
  StatusListKind,
} from "./status-list.ts";
export type { StatusReference } from "./status-reference.ts";
export {
  MAX_STATUS_TOKEN_BYTES,
  verifyStatusListCredential,
} from "./status-token.ts";
export type { StatusList, StatusListExpectation } from "./status-token.ts";
export { keyOfCertificates } from "./x5c.ts";
export { ANY_TYPE } from "./trust.ts";
export type {
  CredentialFormat,
  CredentialIssuerTrust,
  IssuerKeySource,
  KeyBindingRule,
  KeyHint,
} from "./trust.ts";
export { requireGoodStatus } from "./credential-statuses.ts";
export type {
  CredentialStatuses,
  StatusVerdict,
} from "./credential-statuses.ts";
export { detectCredentialKind } from "./kind.ts";
export type { CredentialKind } from "./kind.ts";
export { CREDENTIAL_ALGORITHMS } from "./credential-header.ts";
export { CREDENTIAL_CHECKS } from "./steps.ts";
export { verifyCredential } from "./verify-credential.ts";
export type { CredentialProfile } from "./credential-profile.ts";
export type {
  CredentialRequirements,
  VerifiedVc,
} from "./verify-credential.ts";

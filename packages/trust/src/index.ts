export { createTrustKeeper } from "./trust-keeper.ts";
export type { TrustKeeper } from "./trust-keeper.ts";
export type { TrustStatus } from "./kept-domain.ts";
export type {
  FileBundleOptions,
  HttpsSpiffeBundleOptions,
  HttpsWebBundleOptions,
  KeeperClock,
  KeeperLog,
  TrustDomainOptions,
  TrustKeeperOptions,
  WorkloadApiBundleOptions,
} from "./options.ts";
export {
  FETCH_DEADLINE_MS,
  fetchDocument,
  MAX_DOCUMENT_BYTES,
  parseEndpointUrl,
} from "./fetch-document.ts";
export type { DocumentRequest, FetchDocument } from "./fetch-document.ts";
export { SOURCE_ERRORS, SourceError } from "./source-error.ts";
export type { SourceErrorReason } from "./source-error.ts";
export { createCredentialIssuerKeeper } from "./credential-issuers/issuer-keeper.ts";
export type { CredentialIssuerKeeper } from "./credential-issuers/issuer-keeper.ts";
export type { IssuerStatus } from "./credential-issuers/kept-issuer.ts";
export type {
  CredentialIssuerKeeperOptions,
  CredentialIssuerOptions,
  IssuerKeyOptions,
  WebKeyOptions,
} from "./credential-issuers/options.ts";
export { createStatusListKeeper } from "./status-lists/status-list-keeper.ts";
export type { StatusListKeeper } from "./status-lists/status-list-keeper.ts";
export type { StatusListStatus } from "./status-lists/kept-list.ts";
export type {
  StatusListChange,
  StatusListKeeperOptions,
} from "./status-lists/options.ts";

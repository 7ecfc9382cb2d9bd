export { JWT_SPIFFE_ASSERTION_TYPE } from "./authentication.ts";
export type { AuthenticationMethod } from "./authentication.ts";
export { spiffeJwtClientAuth } from "./client-auth.ts";
export type { ClientAuth } from "./client-auth.ts";
export type { Clock } from "./clock.ts";
export { discover } from "./discover.ts";
export { AccreditClientError } from "./error.ts";
export type {
  AccreditClientErrorCode,
  AccreditClientErrorDetails,
} from "./error.ts";
export type { Fetch, JsonObject, RequestSettings } from "./lib/exchange.ts";
export type { HttpsRequestInit } from "./lib/https-fetch.ts";
export type { AuthorizationServerMetadata } from "./metadata.ts";
export { createMutualTls } from "./mutual-tls.ts";
export type {
  IdentityChoice,
  MutualTls,
  MutualTlsOptions,
} from "./mutual-tls.ts";
export { register } from "./register.ts";
export type { RegisterOptions } from "./register.ts";
export type { RegisteredClient } from "./registered-client.ts";
export type {
  JwtSvidSource,
  SvidChoice,
  X509SvidSource,
} from "./svid-source.ts";
export type { AccessToken } from "./token-cache.ts";
export { createTokenSource } from "./token-source.ts";
export type { TokenSource, TokenSourceOptions } from "./token-source.ts";

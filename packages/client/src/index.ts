export { discover } from "./discover.ts";
export { AccreditClientError } from "./error.ts";
export type {
  AccreditClientErrorCode,
  AccreditClientErrorDetails,
} from "./error.ts";
export type { Fetch, JsonObject, RequestSettings } from "./lib/exchange.ts";
export type { AuthorizationServerMetadata } from "./metadata.ts";
export { register } from "./register.ts";
export type { RegisterOptions } from "./register.ts";
export type { RegisteredClient } from "./registered-client.ts";
export type { JwtSvidSource, X509SvidSource } from "./svid-source.ts";

export {
  parseWorkloadApiAddress,
  workloadApiAddressFromEnvironment,
} from "./address.ts";
export type { WorkloadApiAddress } from "./address.ts";
export type { CallSettings, WatchSettings } from "./calls.ts";
export { createWorkloadApiClient } from "./client.ts";
export type {
  JwtSvidRequest,
  JwtSvidValidation,
  WitSvidRequest,
  WorkloadApiClient,
  WorkloadApiClientOptions,
} from "./client.ts";
export { WORKLOAD_API_METADATA } from "./connection.ts";
export { WorkloadApiError } from "./error.ts";
export type { WorkloadApiErrorCode } from "./error.ts";
export { SpiffeWorkloadAPI } from "./gen/workloadapi_pb.ts";
export type { JwtSvid, ValidatedJwtSvid } from "./jwt-response.ts";
export type { WitSvid } from "./wit-response.ts";
export type {
  X509Bundles,
  X509BundlesReading,
  X509Context,
  X509Svid,
} from "./x509-response.ts";
export type { SourceClock } from "./backoff.ts";
export type { SourceOptions, WorkloadApiSource } from "./source.ts";
export {
  createJwtSource,
  createWitBundleSource,
  createWitSource,
  createX509BundleSource,
  createX509Source,
} from "./sources.ts";
export type { ChangeListener } from "./state.ts";

export { parseWorkloadApiAddress } from "./address.ts";
export type { WorkloadApiAddress } from "./address.ts";
export { createWorkloadApiClient } from "./client.ts";
export type {
  JwtSvidRequest,
  WorkloadApiClient,
  WorkloadApiClientOptions,
} from "./client.ts";
export { WORKLOAD_API_METADATA } from "./connection.ts";
export { WorkloadApiError } from "./error.ts";
export type { WorkloadApiErrorCode } from "./error.ts";
export { SpiffeWorkloadAPI } from "./gen/workloadapi_pb.ts";
export type { JwtSvid } from "./response.ts";

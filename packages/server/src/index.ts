export { createAccreditServer, registrationSettings } from "./server.ts";
export type {
  AccreditServer,
  MutualTlsSettings,
  ServerPorts,
  ServerSettings,
} from "./server.ts";
export type { CertificateHop } from "./http/client-certificate-hops.ts";
export type { TrustSourceHealth } from "./admin/metrics.ts";
export { HTTP_SERVER_LIMITS } from "./http/framing.ts";
export { clockWarning } from "./clock-warning.ts";
export { endpointsOf } from "./endpoints.ts";
export type { Endpoints } from "./endpoints.ts";
export type { LimitSettings } from "./limits/limits.ts";
export { watchLoad } from "./limits/load-gate.ts";
export type { LoadGate, WatchedGate } from "./limits/load-gate.ts";
export { countedWarning } from "./log.ts";
export type { Log } from "./log.ts";
export { WIRE_ERRORS } from "./wire/errors.ts";
export type { WireError } from "./wire/errors.ts";

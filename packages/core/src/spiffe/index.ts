export { parseSpiffeId, parseTrustDomainName } from "./id.ts";
export type { SpiffeId, TrustDomainName } from "./id.ts";
export { matchesSpiffeIdPattern, parseSpiffeIdPattern } from "./pattern.ts";
export type { SpiffeIdPattern } from "./pattern.ts";
export { parseSpiffeBundle } from "./bundle.ts";
export type { JwtAuthority, SkippedKey, SpiffeBundle } from "./bundle.ts";
export {
  JWT_SVID_ALGORITHMS,
  JWT_SVID_CHECKS,
  verifyJwtSvid,
} from "./jwt-svid.ts";
export type {
  JwtSvidAlgorithm,
  JwtSvidRequirements,
  VerifiedJwtSvid,
} from "./jwt-svid.ts";

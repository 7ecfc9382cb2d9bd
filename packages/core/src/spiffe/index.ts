export { parseSpiffeId, parseTrustDomainName } from "./id.ts";
export type { SpiffeId, TrustDomainName } from "./id.ts";
export { matchesSpiffeIdPattern, parseSpiffeIdPattern } from "./pattern.ts";
export type { SpiffeIdPattern } from "./pattern.ts";
export { coversSpiffeId, parseSpiffeIdWildcard } from "./wildcard.ts";
export type { SpiffeIdWildcard } from "./wildcard.ts";
export {
  parseSpiffeBundle,
  readJwtAuthorities,
  readWitAuthorities,
  readX509Authorities,
} from "./bundle.ts";
export type {
  JwtAuthority,
  SkippedKey,
  SpiffeBundle,
  X509Authority,
} from "./bundle.ts";
export {
  createX509PathCache,
  verifyX509Svid,
  X509_SVID_CHECKS,
} from "./x509-svid.ts";
export type {
  VerifiedX509Svid,
  X509PathCache,
  X509SvidRequirements,
} from "./x509-svid.ts";
export { JWT_SVID_ALGORITHMS } from "./jwt-svid-header.ts";
export type { JwtSvidAlgorithm } from "./jwt-svid-header.ts";
export { JWT_SVID_CHECKS, verifyJwtSvid } from "./jwt-svid.ts";
export type { JwtSvidRequirements, VerifiedJwtSvid } from "./jwt-svid.ts";
export { verifyWitSvid, WIT_SVID_CHECKS } from "./wit-svid.ts";
export type { VerifiedWitSvid, WitSvidRequirements } from "./wit-svid.ts";
export { verifyWitProof } from "./wit-proof.ts";
export type { VerifiedWitProof, WitProofRequirements } from "./wit-proof.ts";

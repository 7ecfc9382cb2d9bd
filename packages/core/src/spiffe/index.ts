export { parseSpiffeId, parseTrustDomainName } from "./id.ts";
export type { SpiffeId, TrustDomainName } from "./id.ts";
export {
  matchesSpiffeIdPattern,
  meetsSpiffeIdWildcard,
  parseSpiffeIdPattern,
} from "./pattern.ts";
export type { SpiffeIdPattern } from "./pattern.ts";
export { coversSpiffeId, parseSpiffeIdWildcard } from "./wildcard.ts";
export type { SpiffeIdWildcard } from "./wildcard.ts";
export {
  parseSpiffeBundle,
  readJwtAuthorities,
  readWitAuthorities,
} from "./bundle.ts";
export type { JwtAuthority, SkippedKey, SpiffeBundle } from "./bundle.ts";
export { readX509Authorities } from "./x509-authority.ts";
export type { X509Authority } from "./x509-authority.ts";
export { createX509PathCache } from "./x509-path-cache.ts";
export type { X509PathCache } from "./x509-path-cache.ts";
export { verifyX509Svid, X509_SVID_CHECKS } from "./x509-svid.ts";
export type { VerifiedX509Svid, X509SvidRequirements } from "./x509-svid.ts";
export { JWT_SVID_ALGORITHMS } from "./jwt-svid-header.ts";
export type { JwtSvidAlgorithm } from "./jwt-svid-header.ts";
export { JWT_SVID_CHECKS, verifyJwtSvid } from "./jwt-svid.ts";
export type { JwtSvidRequirements, VerifiedJwtSvid } from "./jwt-svid.ts";
export { verifyWitSvid, WIT_SVID_CHECKS } from "./wit-svid.ts";
export type { VerifiedWitSvid, WitSvidRequirements } from "./wit-svid.ts";
export { verifyWitProof } from "./wit-proof.ts";
export type { VerifiedWitProof, WitProofRequirements } from "./wit-proof.ts";

export { storeContract } from "./store-contract.ts";
export { makeAudit, makeProposal, makeRefusal } from "./store-fixtures.ts";
export { FakeAuthority, staticTrust } from "./fake-authority.ts";
export type { FakeKey } from "./fake-authority.ts";
export { FakeBundleEndpoint } from "./fake-bundle-endpoint.ts";
export type {
  FakeAnswer,
  FakeBundleEndpointOptions,
} from "./fake-bundle-endpoint.ts";
export { FakeCertificateAuthority } from "./fake-certificate-authority.ts";
export {
  bindSdJwt,
  credentialTrust,
  disclosureDigest,
  FakeCredentialIssuer,
  fakeKey,
  makeDisclosure,
  presentSdJwt,
} from "./fake-credential-issuer.ts";
export type { FakeSdJwt, FakeSdJwtChoice } from "./fake-credential-issuer.ts";
export { FakeClientStore } from "./fake-client-store.ts";
export type { FakeStoreFault } from "./fake-client-store.ts";
export { FakeClock } from "./fake-clock.ts";
export { freePort } from "./free-port.ts";
export {
  EXTENDED_KEY_USAGE,
  FakeX509Authority,
  KEY_USAGE,
  x509BundleKey,
} from "./fake-x509-authority.ts";
export type { FakeSvid, FakeSvidChoice } from "./fake-x509-authority.ts";
export { FakeWitAuthority } from "./fake-wit-authority.ts";
export type { FakeWitChoice, FakeWitSvid } from "./fake-wit-authority.ts";
export { PostgresServer } from "./postgres-server.ts";
export type { PostgresServerOptions } from "./postgres-server.ts";
export { mountSmallDisk, NO_SMALL_DISK } from "./small-disk.ts";
export type { SmallDisk } from "./small-disk.ts";

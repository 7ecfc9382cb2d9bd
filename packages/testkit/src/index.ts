// Exports land here with the first feature of this package.
export type { DcrErrorCode } from "@accredit/core/errors";
export { storeContract } from "./store-contract.ts";
export { makeProposal, makeRefusal } from "./store-fixtures.ts";
export { FakeAuthority, staticTrust } from "./fake-authority.ts";
export type { FakeKey } from "./fake-authority.ts";

// Exports land here with the first feature of this package.
export type { DcrErrorCode } from "@accredit/core";

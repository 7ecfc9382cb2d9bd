export type { IssuerRule, SpiffeTrust, TrustSource } from "./source.ts";
export { compareBundles, nextRefreshSeconds } from "./refresh.ts";
export type { BundleChange, RefreshLimits } from "./refresh.ts";

export type { IssuerRule, SpiffeTrust, TrustSource } from "./source.ts";
export {
  compareBundles,
  DEFAULT_REFRESH_LIMITS,
  nextRefreshSeconds,
} from "./refresh.ts";
export type { BundleChange, RefreshLimits } from "./refresh.ts";

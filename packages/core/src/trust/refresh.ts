import type { SpiffeBundle } from "../spiffe/bundle.ts";

/** Bounds of the polling interval, in seconds. */
export interface RefreshLimits {
  readonly floorSeconds: number;
  readonly ceilingSeconds: number;
}

/**
 * `newer`: use it. `same`: nothing changed. `rollback`: a lower `spiffe_sequence`, keep what we have
 * (BNDL-07). `conflict`: the same sequence with other keys; the newest fetch is used and operators are told.
 */
export type BundleChange = "first" | "newer" | "same" | "rollback" | "conflict";

export function compareBundles(
  _current: SpiffeBundle | undefined,
  _next: SpiffeBundle,
): BundleChange {
  throw new Error("not yet");
}
export function nextRefreshSeconds(
  _hintSeconds: number | undefined,
  _limits: RefreshLimits,
): number {
  throw new Error("not yet");
}

import type { SpiffeBundle } from "../spiffe/bundle.ts";

/** Bounds of the polling interval, in seconds. */
export interface RefreshLimits {
  readonly floorSeconds: number;
  readonly ceilingSeconds: number;
}

/** A withdrawn key is noticed within five minutes whatever the publisher hints, and nobody is hammered. */
export const DEFAULT_REFRESH_LIMITS: RefreshLimits = {
  floorSeconds: 60,
  ceilingSeconds: 300,
};
/** BNDL-08: what an absent hint means. */
const DEFAULT_HINT_SECONDS = 300;
/** Tries within one hint, so that one missed poll does not make a bundle late. */
const TRIES_PER_HINT = 4;

/**
 * `first`: nothing was held. `newer`: use it. `same`: nothing changed. `rollback`: a lower
 * `spiffe_sequence`, keep what we have (BNDL-07). `conflict`: the same sequence with other keys; the newest
 * fetch is used and operators are told.
 */
export type BundleChange = "first" | "newer" | "same" | "rollback" | "conflict";

/**
 * What a freshly read bundle is to the one we hold. Where either has no sequence, the newest fetch wins, unless
 * it says one below the highest that was ever taken.
 *
 * @see SPIFFE Trust Domain and Bundle section 4.1.1
 */
export function compareBundles(
  current: SpiffeBundle | undefined,
  next: SpiffeBundle,
  highestSequence = current?.sequence,
): BundleChange {
  if (current === undefined) return "first";
  if (
    next.sequence !== undefined &&
    highestSequence !== undefined &&
    next.sequence < highestSequence
  )
    return "rollback";
  const sameKeys = fingerprint(current) === fingerprint(next);
  if (current.sequence === undefined || next.sequence === undefined) {
    return sameKeys && current.sequence === next.sequence ? "same" : "newer";
  }
  if (next.sequence > current.sequence) return "newer";
  return sameKeys ? "same" : "conflict";
}

/** Seconds until the next poll: a quarter of the hint, within the limits (BNDL-08, FED-08). */
export function nextRefreshSeconds(
  hintSeconds: number | undefined,
  limits: RefreshLimits,
): number {
  const wanted = (hintSeconds ?? DEFAULT_HINT_SECONDS) / TRIES_PER_HINT;
  return Math.min(limits.ceilingSeconds, Math.max(limits.floorSeconds, wanted));
}

function fingerprint(bundle: SpiffeBundle): string {
  const { jwtAuthorities, witAuthorities, x509Authorities } = bundle;
  const keysOf = (authorities: SpiffeBundle["jwtAuthorities"]) =>
    [...authorities.values()]
      .map(({ kid, jwk, algorithms }) => JSON.stringify([kid, jwk, algorithms]))
      .sort();
  return JSON.stringify([
    keysOf(jwtAuthorities),
    keysOf(witAuthorities),
    x509Authorities.map(({ fingerprint: name }) => name).sort(),
  ]);
}

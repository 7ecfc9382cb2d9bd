import { nextRefreshSeconds, type RefreshLimits } from "@accredit/core/trust";
import type { SourceProgress } from "../bundle-source.ts";
import type { KeeperClock } from "../options.ts";

/** Longest pause before an endpoint that has never answered is tried again. */
const MAX_FIRST_LOAD_PAUSE_SECONDS = 30;

/**
 * Waits until a bundle endpoint is due again. Once a bundle is held, a failure waits like a success
 * (FED-08). Before that the server is of no use to the trust domain, so an endpoint that starts a little
 * later is found soon.
 */
export async function pollAgain(
  { loaded, refreshHintSeconds, failures }: SourceProgress,
  limits: RefreshLimits,
  {
    clock,
    random,
  }: { readonly clock: KeeperClock; readonly random: () => number },
  signal: AbortSignal,
): Promise<void> {
  const seconds = loaded
    ? nextRefreshSeconds(refreshHintSeconds, limits)
    : firstLoadPause(failures, random);
  await clock.sleep(seconds * 1000, signal);
}

/** 1, 2, 4, ... 30 seconds, each between half and all of it, so that servers do not retry in step. */
function firstLoadPause(failures: number, random: () => number): number {
  const longest = Math.min(
    MAX_FIRST_LOAD_PAUSE_SECONDS,
    2 ** Math.max(0, failures - 1),
  );
  return longest * (0.5 + random() / 2);
}

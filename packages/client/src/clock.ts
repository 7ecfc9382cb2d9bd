/** The time, by two clocks. */
export interface Clock {
  /** Epoch seconds; may step either way when somebody sets the time. */
  now(): number;
  /** Seconds since some moment; never goes back, and may stand still while the machine sleeps. */
  steady(): number;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now() / 1000,
  steady: () => performance.now() / 1000,
};

/**
 * Starts a stopwatch that errs on the side of too much: the seconds since, by whichever clock counted
 * more. So a clock set back makes nothing last longer, nor does a machine that slept.
 */
export function startStopwatch(clock: Clock): () => number {
  const now = clock.now();
  const steady = clock.steady();
  return () => Math.max(clock.now() - now, clock.steady() - steady, 0);
}

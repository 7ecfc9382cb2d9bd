/** How far the wall clock may run ahead of the monotonic one before it is not believed. */
const TOLERANCE_SECONDS = 300;

/**
 * The time, epoch seconds, by which things end or may be deleted. Follows the wall clock, but a leap
 * forward does not take it along: what a wrong clock ends or deletes would be missing once the clock is
 * put right.
 *
 * @param wallSeconds - epoch seconds
 * @param monotonicMs - milliseconds from any point, never set back or forward
 */
export function makeSteadyClock(
  wallSeconds: () => number,
  monotonicMs: () => number,
): () => number {
  const wallAtStart = wallSeconds();
  const monotonicAtStart = monotonicMs();
  return () => {
    const elapsed = Math.floor((monotonicMs() - monotonicAtStart) / 1000);
    return Math.min(wallSeconds(), wallAtStart + elapsed + TOLERANCE_SECONDS);
  };
}

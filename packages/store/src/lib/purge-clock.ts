// How far the wall clock may run ahead of the monotonic one before it is not believed.
const TOLERANCE_SECONDS = 300;

/**
 * The time before which expired rows may be deleted, epoch seconds. Follows the wall clock, but a leap
 * forward does not take it along: rows deleted on a wrong clock would let revoked tokens live again
 * once the clock is put right.
 */
export function makePurgeClock(
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

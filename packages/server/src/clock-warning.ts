/** Clocks may differ by this much, in seconds, before somebody is told. */
const TOLERATED_SECONDS = 60;

/** What to say of a clock that differs from the database's; undefined where they agree. */
export function clockWarning(clockAheadSeconds: number): string | undefined {
  const seconds = Math.abs(clockAheadSeconds);
  if (seconds <= TOLERATED_SECONDS) return undefined;
  const side = clockAheadSeconds > 0 ? "ahead of" : "behind";
  return `clock: expected to be within ${TOLERATED_SECONDS} s of the database's, is ${seconds} s ${side} it; credentials and leases are judged by it`;
}

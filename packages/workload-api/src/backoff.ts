/** The time, and waiting for it to pass. */
export interface SourceClock {
  /** Epoch seconds. */
  now(): number;
  /** Rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const LONGEST_SECONDS = 30;
/** The part of a wait that chance may take away, so that workloads do not come back all at once. */
const JITTER = 0.2;

/** When to call again after a stream is over: pure, so that a schedule can be read off in a test. */
export interface Backoff {
  /** A message came: the next failure is the first one again. */
  succeeded(): void;
  /**
   * How long to wait, in milliseconds, after a failure: a second, two, and so on to thirty, each up to a
   * fifth shorter.
   *
   * @see SPIFFE Workload Endpoint, section 6
   */
  failed(random: number): number;
  /**
   * How long to wait after the endpoint ended the stream without an error: not at all (WAPI-11), but
   * like after a failure if that has been granted less than half a minute ago.
   *
   * @param now - epoch seconds
   */
  ended(now: number, random: number): number;
}

/** Begins a schedule with no failure so far. */
export function createBackoff(): Backoff {
  let failures = 0;
  let atOnceAt = Number.NEGATIVE_INFINITY;
  const failed = (random: number): number => {
    failures += 1;
    const seconds = Math.min(failures, LONGEST_SECONDS);
    return Math.round(seconds * 1000 * (1 - JITTER * random));
  };
  return {
    succeeded() {
      failures = 0;
    },
    failed,
    ended(now, random) {
      if (now - atOnceAt < LONGEST_SECONDS) return failed(random);
      atOnceAt = now;
      return 0;
    },
  };
}

/** How late the event loop is looked at, in milliseconds. */
export const LOOP_INTERVAL_MS = 250;

/** Knows whether the event loop keeps up. */
export interface LoopWatch {
  /** Whether work waits longer than it may, so that new work had better not begin. */
  isLate(): boolean;
  /** Notes that the loop came round. */
  tick(): void;
}

/**
 * Judges the event loop by how late a timer is that should tick every {@link LOOP_INTERVAL_MS}: that is how
 * long a request waits before anything is done for it. One tick in time ends it.
 */
export function createLoopWatch(
  maxDelayMs: number,
  nowMs: () => number,
): LoopWatch {
  let last = nowMs();
  let wasLate = false;
  const lateness = (): number => nowMs() - last - LOOP_INTERVAL_MS;
  return {
    tick: () => {
      wasLate = lateness() > maxDelayMs;
      last = nowMs();
    },
    // Asked before the timer had its turn, what it will say is known already.
    isLate: () => wasLate || lateness() > maxDelayMs,
  };
}

/** A {@link LoopWatch} on this process, until it is closed. */
export interface EventLoopWatch {
  isLate(): boolean;
  close(): void;
}

/** Watches this process's event loop. It keeps no process alive. */
export function watchEventLoop(maxDelayMs: number): EventLoopWatch {
  const watch = createLoopWatch(maxDelayMs, () => performance.now());
  const timer = setInterval(() => watch.tick(), LOOP_INTERVAL_MS);
  timer.unref();
  return { isLate: () => watch.isLate(), close: () => clearInterval(timer) };
}

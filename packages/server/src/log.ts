/** The logger that the composition root hands in: structured, one JSON line per call. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** How often a warning that counts is written, in milliseconds. */
const COUNT_INTERVAL_MS = 10_000;

/**
 * A warning for what may happen thousands of times a second: it says how often it happened since it said so last,
 * the first time at once and then every ten seconds at most.
 */
export function countedWarning(
  log: Log,
  message: string,
  nowMs: () => number = () => performance.now(),
): () => void {
  let count = 0;
  let written = -Infinity;
  return () => {
    count++;
    const now = nowMs();
    if (now - written < COUNT_INTERVAL_MS) return;
    log.warn({ count }, message);
    count = 0;
    written = now;
  };
}

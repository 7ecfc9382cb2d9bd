import { setTimeout as delay } from "node:timers/promises";
import { pino, type Logger } from "pino";

/** A log, and its end. */
export interface ProcessLog {
  readonly log: Logger;
  /** Writes out what has gathered. What nobody takes within a second is given up: the process ends without it. */
  readonly close: () => Promise<void>;
}

/** The process's logger: one JSON line per event on stdout, times in ISO 8601. */
export function createLog(level: string): ProcessLog {
  return createLogTo(level, { dest: 1 });
}

/** The same log in a file, for the quick start, whose terminal is for people. */
export function createFileLog(level: string, file: string): ProcessLog {
  return createLogTo(level, { dest: file, mkdir: true });
}

const GATHER_BYTES = 4096;
const GATHER_MS = 100;
/** Of lines that nobody takes; those that come after are dropped. */
const WAITING_BYTES = 4 * 1024 * 1024;
const LAST_FLUSH_MS = 1000;

function createLogTo(
  level: string,
  where: { readonly dest: number | string; readonly mkdir?: boolean },
): ProcessLog {
  // A request never waits for its line: lines gather for a moment and are written together. A process
  // that ends writes them out first; one that is killed loses the last ones, but no audit row.
  const destination = pino.destination({
    ...where,
    sync: false,
    minLength: GATHER_BYTES,
    maxLength: WAITING_BYTES,
    periodicFlush: GATHER_MS,
  });
  // A full disk or a reader that left costs the log its lines, and nobody their request.
  destination.on("error", () => {});
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const close = async (): Promise<void> => {
    const flushed = new Promise<void>((resolve) => {
      destination.flush(() => resolve());
    });
    await Promise.race([
      flushed,
      delay(LAST_FLUSH_MS, undefined, { ref: false }),
    ]);
    // As it exits, the process would write what is left again and again until somebody takes it.
    destination.destroy();
  };
  return { log, close };
}

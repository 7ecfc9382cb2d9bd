import { pino, type Logger } from "pino";

/** The process's logger: one JSON line per event on stdout, times in ISO 8601. */
export function createLog(level: string): Logger {
  return createLogTo(level, { dest: 1 });
}

/** The same log in a file, for the quick start, whose terminal is for people. */
export function createFileLog(level: string, file: string): Logger {
  return createLogTo(level, { dest: file, mkdir: true });
}

const GATHER_BYTES = 4096;
const GATHER_MS = 100;

function createLogTo(
  level: string,
  where: { readonly dest: number | string; readonly mkdir?: boolean },
): Logger {
  // A request never waits for its line: lines gather for a moment and are written together. A process
  // that ends writes them out first; one that is killed loses the last ones, but no audit row.
  const destination = pino.destination({
    ...where,
    sync: false,
    minLength: GATHER_BYTES,
    periodicFlush: GATHER_MS,
  });
  // A full disk or a reader that left costs the log its lines, and nobody their request.
  destination.on("error", () => {});
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}

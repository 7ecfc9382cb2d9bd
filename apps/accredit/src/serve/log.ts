import { pino, type Logger } from "pino";

/** The process's logger: one JSON line per event on stdout, times in ISO 8601. */
export function createLog(level: string): Logger {
  return createLogTo(level, { dest: 1 });
}

/** The same log in a file, for the quick start, whose terminal is for people. */
export function createFileLog(level: string, file: string): Logger {
  return createLogTo(level, { dest: file, mkdir: true });
}

function createLogTo(
  level: string,
  where: { readonly dest: number | string; readonly mkdir?: boolean },
): Logger {
  // Not synchronous: lines wait for the line before them, never a request for its line.
  const destination = pino.destination({ ...where, sync: false });
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

import { pino, type DestinationStream, type Logger } from "pino";

/** The process's logger: one JSON line per event on stdout, times in ISO 8601. */
export function createLog(level: string): Logger {
  return createLogTo(level, process.stdout);
}

/** The same log in a file, for the quick start, whose terminal is for people. */
export function createFileLog(level: string, file: string): Logger {
  return createLogTo(
    level,
    pino.destination({ dest: file, mkdir: true, sync: true }),
  );
}

function createLogTo(level: string, destination: DestinationStream): Logger {
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

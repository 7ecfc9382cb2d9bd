import type { FailureKind } from "../lib/failure.ts";

/** The disk is full, and what was held in reserve is for withdrawals alone. */
export class NoRoomError extends Error {
  readonly errcode = 13; // SQLITE_FULL

  constructor(options?: ErrorOptions) {
    super(
      "the disk is full: the room that is left is for withdrawals alone until there is more",
      options,
    );
  }
}

const KINDS: ReadonlyMap<number, FailureKind> = new Map([
  [5, "busy"], // SQLITE_BUSY
  [6, "busy"], // SQLITE_LOCKED
  [8, "broken"], // SQLITE_READONLY
  [10, "broken"], // SQLITE_IOERR
  [11, "broken"], // SQLITE_CORRUPT
  [13, "disk_full"], // SQLITE_FULL
  [14, "broken"], // SQLITE_CANTOPEN
  [26, "broken"], // SQLITE_NOTADB
]);

/** The extended SQLite result code of an error, or undefined where SQLite did not throw it. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

/** Sorts an error of `node:sqlite` by what has to happen next. */
export function classifyFailure(error: unknown): FailureKind {
  const code = sqliteCode(error);
  // The low byte is the primary code; the rest says which file operation it was.
  return code === undefined ? "refused" : (KINDS.get(code & 0xff) ?? "refused");
}

/** One line for logs: SQLite's words and its extended result code. */
export function describeFailure(error: unknown): string {
  const code = sqliteCode(error);
  const text = error instanceof Error ? error.message : String(error);
  return code === undefined ? text : `${text} (SQLite result ${code})`;
}

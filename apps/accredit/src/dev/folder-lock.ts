import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** SQLITE_BUSY: somebody else has the lock. */
const BUSY = 5;

/**
 * Takes a folder for this process, until it gives it back or dies. The lock is the system's, on an empty file
 * that stays: a socket left behind by a process that died cannot be told from one that another process is about to
 * listen on, nor can it be replaced in one step.
 *
 * @returns gives the folder back
 * @throws {Error} somebody has it
 */
export function lockFolder(dir: string): () => void {
  const database = new DatabaseSync(join(dir, "lock"));
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    if (!isBusy(cause)) throw cause;
    throw new Error(
      `${dir}: another process already runs development issuers in this folder`,
      { cause },
    );
  }
  return () => database.close();
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === BUSY;
}

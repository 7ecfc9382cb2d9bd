import { DatabaseSync } from "node:sqlite";
import { readPragma } from "./migrate.ts";
import { classifyFailure } from "./sqlite-error.ts";
import { StartError } from "../lib/start-error.ts";

/** Opens a connection without touching the file's content yet. */
export function openConnection(
  path: string,
  options: { readonly readOnly: boolean; readonly busyTimeoutMs: number },
): DatabaseSync {
  const db = new DatabaseSync(path, {
    readOnly: options.readOnly,
    timeout: options.busyTimeoutMs,
    enableForeignKeyConstraints: true,
  });
  // A schema that somebody tampered with may not call functions with side effects.
  db.exec("PRAGMA trusted_schema = OFF");
  // Damage inside a page is reported where it is met rather than acted upon.
  db.exec("PRAGMA cell_size_check = ON");
  db.exec("PRAGMA temp_store = MEMORY");
  // 4 MiB: the system caches the file too, and a million clients are to fit into little memory.
  db.exec("PRAGMA cache_size = -4096");
  return db;
}

/**
 * Switches to write-ahead logging with a sync at every commit, and makes sure of both.
 *
 * @throws {StartError} `journal_mode` or `synchronous`
 */
export function makeDurable(db: DatabaseSync, busyTimeoutMs: number): void {
  const mode = switchToWal(db, busyTimeoutMs);
  if (mode !== "wal") {
    throw new StartError(
      "journal_mode",
      `expected the journal mode wal, the file system gave ${mode}: put the database on a local file system`,
    );
  }
  db.exec("PRAGMA synchronous = FULL");
  // macOS only: an ordinary sync there leaves data in the drive's cache.
  db.exec("PRAGMA fullfsync = ON");
  db.exec("PRAGMA checkpoint_fullfsync = ON");
  // The writer does it, after the answer is out and where a failure is seen: see Writer.tidy.
  db.exec("PRAGMA wal_autocheckpoint = 0");
  db.exec("PRAGMA journal_size_limit = 67108864");
  // INSERT OR REPLACE then runs the triggers that refuse to delete audit rows.
  db.exec("PRAGMA recursive_triggers = ON");
  const synchronous = readPragma(db, "synchronous");
  if (synchronous !== 2) {
    throw new StartError(
      "synchronous",
      `expected synchronous 2 (FULL), found ${synchronous}`,
    );
  }
}

function switchToWal(db: DatabaseSync, busyTimeoutMs: number): string {
  const deadline = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      const row = db.prepare("PRAGMA journal_mode = WAL").get();
      return String(row?.["journal_mode"]);
    } catch (error) {
      // SQLite does not use the busy timeout here when two processes switch a new file at once.
      if (classifyFailure(error) !== "busy") throw error;
      if (performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

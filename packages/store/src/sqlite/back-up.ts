import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { AuditPlace } from "@accredit/core/ports";
import { rowToPlace } from "../lib/records.ts";
import { openConnection } from "./connection.ts";

/** What a backup has come to. */
export interface Backup {
  /** Its size. */
  readonly bytes: number;
  /**
   * The last row of its audit trail: kept elsewhere, it shows later whether the trail still leads up to it. Undefined
   * for a database of a release that kept none.
   */
  readonly place: AuditPlace | undefined;
}

/** How long to wait for another process, milliseconds. */
const BUSY_MS = 10_000;

/**
 * Writes what a SQLite database holds at this moment into a new file, which is there whole or not at all. The server
 * goes on reading and writing meanwhile. The file holds signing keys, so it is the owner's alone. It blocks the caller
 * until it is done: it is for a process of its own.
 *
 * @throws {Error} of the file system or of SQLite; the target is there already, or the database is not
 */
export function backUpSqlite(path: string, target: string): Backup {
  if (!existsSync(path))
    throw new Error(`expected a database at ${path}, got no file`);
  if (existsSync(target))
    throw new Error(`expected ${target} not to exist, got a file`);
  const partial = `${target}.partial-${process.pid}`;
  // SQLite writes into an empty file too, and then nobody else ever may read it.
  closeSync(openSync(partial, "wx", 0o600));
  try {
    const db = openConnection(path, { readOnly: true, busyTimeoutMs: BUSY_MS });
    try {
      db.prepare("VACUUM INTO ?").run(partial);
    } finally {
      db.close();
    }
    sync(partial);
    const copied = openConnection(partial, {
      readOnly: true,
      busyTimeoutMs: BUSY_MS,
    });
    try {
      const place = placeIn(copied);
      const { size: bytes } = statSync(partial);
      // Unlike renaming, this replaces nothing that came meanwhile.
      linkSync(partial, target);
      sync(dirname(target));
      return { bytes, place };
    } finally {
      copied.close();
    }
  } finally {
    rmSync(partial, { force: true });
  }
}

function placeIn(db: DatabaseSync): AuditPlace | undefined {
  const kept = db
    .prepare("SELECT 1 FROM sqlite_schema WHERE name = 'audit_trail'")
    .get();
  return kept === undefined
    ? undefined
    : rowToPlace(db.prepare("SELECT seq, chain FROM audit_trail").get());
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

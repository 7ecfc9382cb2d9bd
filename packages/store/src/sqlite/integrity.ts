import type { DatabaseSync } from "node:sqlite";
import { readPragma } from "./migrate.ts";
import { describeFailure } from "./sqlite-error.ts";
import { StartError } from "../lib/start-error.ts";
import { scanWriteAheadLog } from "./wal-scan.ts";

/**
 * How thoroughly the file is examined when it is opened. `quick`: the structure of every page, about
 * one second a gigabyte. `full`: indexes against tables too, about six times that. `auto`: `quick` up
 * to 512 MiB, beyond that only the small tables a start depends on. `off`: nothing.
 */
export type IntegrityCheck = "auto" | "quick" | "full" | "off";

const AUTO_LIMIT_BYTES = 512 * 1024 * 1024;

/** The tables that are read whole, always small. */
const SMALL_TABLES = [
  "schema_migrations",
  "signing_keys",
  "client_counts",
  "audit_trail",
];

/**
 * Refuses a write-ahead log with damage in it. Runs before SQLite opens the file, since recovery
 * forgets the frames behind the damage.
 *
 * @throws {StartError} `write_ahead_log`
 */
export function checkWriteAheadLog(path: string, check: IntegrityCheck): void {
  if (check === "off") return;
  const frame = scanWriteAheadLog(path);
  if (frame === undefined) return;
  throw new StartError(
    "write_ahead_log",
    `frame ${frame} of the write-ahead log is damaged and committed transactions follow it: restore a backup, or open once with the integrity check off to lose them`,
  );
}

/**
 * Refuses a damaged database file.
 *
 * @throws {StartError} `quick_check` or `integrity_check`
 */
export function checkDatabase(db: DatabaseSync, check: IntegrityCheck): void {
  if (check === "off") return;
  if (check === "full") return run(db, "integrity_check", "1");
  const bytes = readPragma(db, "page_count") * readPragma(db, "page_size");
  if (check === "quick" || bytes <= AUTO_LIMIT_BYTES) {
    return run(db, "quick_check", "1");
  }
  for (const table of SMALL_TABLES) run(db, "quick_check", `'${table}'`);
}

function run(db: DatabaseSync, pragma: string, argument: string): void {
  let verdict: unknown;
  try {
    verdict = db.prepare(`PRAGMA ${pragma}(${argument})`).get()?.[pragma];
  } catch (error) {
    verdict = describeFailure(error);
  }
  if (verdict === "ok") return;
  throw new StartError(
    pragma,
    `PRAGMA ${pragma} found the database damaged: ${String(verdict).slice(0, 200)}`,
  );
}

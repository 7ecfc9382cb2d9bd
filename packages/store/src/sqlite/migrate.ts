import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Migration } from "./migrations/index.ts";
import { StartError } from "../lib/start-error.ts";

/** Marks the file as ours in the SQLite header: "ACCR" in ASCII. */
export const APPLICATION_ID = 0x41434352;

/** What a database holds before the first migration ran: nothing of anybody's. */
function isBlank(db: DatabaseSync): boolean {
  const row = db.prepare("SELECT count(*) AS n FROM sqlite_schema").get();
  return row?.["n"] === 0;
}

/** Reads an integer pragma. */
export function readPragma(db: DatabaseSync, name: string): number {
  const row = db.prepare(`PRAGMA ${name}`).get();
  return Number(row === undefined ? Number.NaN : Object.values(row)[0]);
}

/** The hash recorded with a migration, so that a changed text is noticed. */
export function checksum(migration: Migration): string {
  return createHash("sha256").update(migration.sql).digest("hex");
}

/**
 * Refuses a file that is not ours, or that a newer release wrote.
 *
 * @throws {StartError} `application_id` or `schema_version`
 */
export function checkOwnership(
  db: DatabaseSync,
  migrations: readonly Migration[],
): void {
  const application = readPragma(db, "application_id");
  const version = readPragma(db, "user_version");
  const latest = migrations.length;
  if (application !== APPLICATION_ID) {
    if (application === 0 && version === 0 && isBlank(db)) return;
    throw new StartError(
      "application_id",
      `the file is a SQLite database of another application: expected application_id ${APPLICATION_ID}, found ${application}`,
    );
  }
  if (version > latest) {
    throw new StartError(
      "schema_version",
      `the database has schema version ${version}, this release knows versions up to ${latest}: start the newer release, or restore a backup`,
    );
  }
}

/** Refuses a database whose recorded steps are not the steps this release knows. */
function checkHistory(
  db: DatabaseSync,
  migrations: readonly Migration[],
  version: number,
): void {
  const rows = db
    .prepare("SELECT version, checksum FROM schema_migrations ORDER BY version")
    .all();
  const recorded = rows.map(
    (row) => `${Number(row["version"])}:${String(row["checksum"])}`,
  );
  const expected = migrations
    .slice(0, version)
    .map((step) => `${step.version}:${checksum(step)}`);
  const wrong = expected.findIndex((step, i) => step !== recorded[i]);
  if (wrong === -1 && recorded.length === expected.length) return;
  throw new StartError(
    "schema_history",
    `the recorded migrations differ from this release's at step ${wrong === -1 ? expected.length + 1 : wrong + 1}`,
  );
}

/**
 * Brings the schema to the latest version, one transaction a step. Killed at any point it leaves the
 * last finished step; two processes at once take turns.
 *
 * @throws {StartError} `application_id`, `schema_version` or `schema_history`
 */
export function migrate(
  db: DatabaseSync,
  migrations: readonly Migration[],
  now: number,
): void {
  for (;;) {
    db.exec("BEGIN IMMEDIATE");
    try {
      // Inside the transaction, so that what is read stays true until the commit.
      checkOwnership(db, migrations);
      const version = readPragma(db, "user_version");
      if (version > 0) checkHistory(db, migrations, version);
      const step = migrations[version];
      if (step !== undefined) apply(db, step, now);
      db.exec("COMMIT");
      if (step === undefined) return;
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }
}

function apply(db: DatabaseSync, step: Migration, now: number): void {
  if (step.version === 1) {
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.exec(`CREATE TABLE schema_migrations (
  version    INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  checksum   TEXT NOT NULL,
  applied_at INTEGER NOT NULL
) STRICT`);
  }
  db.exec(step.sql);
  db.prepare(
    "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
  ).run(step.version, step.name, checksum(step), now);
  db.exec(`PRAGMA user_version = ${step.version}`);
}

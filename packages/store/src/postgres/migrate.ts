import { createHash } from "node:crypto";
import { DatabaseError } from "pg";
import { StartError } from "../lib/start-error.ts";
import type { PostgresMigration } from "./migrations.ts";
import type { Connections, Session } from "./session.ts";

/** Nodes that start together meet in the catalogue before they meet at the lock. */
const RACES = new Set([
  "23505",
  "42P06",
  "42P07",
  "42710",
  "40001",
  "40P01",
  "XX000",
]);
const ATTEMPTS = 20;

const PREPARATION = [
  `CREATE TABLE IF NOT EXISTS accredit.schema_lock (one int8 PRIMARY KEY)`,
  `INSERT INTO accredit.schema_lock (one) VALUES (1) ON CONFLICT DO NOTHING`,
  `CREATE TABLE IF NOT EXISTS accredit.schema_migrations (
     version         int8 PRIMARY KEY,
     name            text NOT NULL,
     checksum        text NOT NULL,
     compatible_from int8 NOT NULL,
     applied_at      int8 NOT NULL
   )`,
];

/** The hash recorded with a step, so that a changed text is noticed. */
export function checksumOf({
  statements,
  compatibleFrom,
}: PostgresMigration): string {
  return createHash("sha256")
    .update(JSON.stringify([compatibleFrom, statements]))
    .digest("hex");
}

/**
 * Brings the schema to the latest version, all steps in one transaction: killed at any point it leaves what was
 * there. Nodes at once take turns. A newer schema that says it is compatible is left as it is.
 *
 * @param now epoch seconds
 * @throws {StartError} `schema_version` or `schema_history`
 */
export async function migratePostgres(
  connections: Connections,
  migrations: readonly PostgresMigration[],
  now: number,
): Promise<void> {
  if (await isUpToDate(connections, migrations)) return;
  for (let attempt = 1; ; attempt++) {
    try {
      await connections.use(async (session) => {
        await makeSchema(session);
        for (const sql of PREPARATION) await session.query(sql);
        await session.query("BEGIN");
        await session.query("SELECT one FROM accredit.schema_lock FOR UPDATE");
        await applyMissing(session, migrations, now);
        await session.query("COMMIT");
      });
      return;
    } catch (error) {
      const isRace =
        error instanceof DatabaseError && RACES.has(error.code ?? "");
      if (!isRace || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Where the schema is there already, nobody needs the right to make one. */
async function makeSchema(session: Session): Promise<void> {
  const there = await session.query(
    "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'accredit'",
  );
  if (there.length === 0)
    await session.query("CREATE SCHEMA IF NOT EXISTS accredit");
}

/** Looks without changing anything: a server that may not make tables can still start on a schema that is there. */
async function isUpToDate(
  session: Session,
  migrations: readonly PostgresMigration[],
): Promise<boolean> {
  try {
    return (await countApplied(session, migrations)) >= migrations.length;
  } catch (error) {
    // undefined_table, invalid_schema_name: nothing is there yet.
    if (
      error instanceof DatabaseError &&
      (error.code === "42P01" || error.code === "3F000")
    )
      return false;
    throw error;
  }
}

async function applyMissing(
  session: Session,
  migrations: readonly PostgresMigration[],
  now: number,
): Promise<void> {
  const applied = await countApplied(session, migrations);
  // First what every writer locks first: taken after a table, each would wait for the other.
  if (applied > 0)
    await session.query(
      "SELECT one FROM accredit.writer_state WHERE one = 1 FOR UPDATE",
    );
  for (const step of migrations.slice(applied)) {
    for (const sql of step.statements) await session.query(sql);
    await session.query(
      `INSERT INTO accredit.schema_migrations (version, name, checksum, compatible_from, applied_at)
       VALUES ($1, $2, $3, $4, $5)`,
      [step.version, step.name, checksumOf(step), step.compatibleFrom, now],
    );
    // Whoever is too old for this finds out with the next write.
    await session.query(
      "UPDATE accredit.writer_state SET compatible_from = $1 WHERE one = 1",
      [step.compatibleFrom],
    );
  }
}

/** How many steps were made, all of them ours as far as we know them. */
async function countApplied(
  session: Session,
  migrations: readonly PostgresMigration[],
): Promise<number> {
  const rows = await session.query(
    "SELECT version, checksum, compatible_from FROM accredit.schema_migrations ORDER BY version",
  );
  const needed = Number(rows.at(-1)?.["compatible_from"] ?? 0);
  if (needed > migrations.length)
    throw new StartError(
      "schema_version",
      `the database has schema version ${rows.length}, for releases that know version ${needed} or later; this one knows versions up to ${migrations.length}: start the newer release, or restore a backup`,
    );
  for (const [index, row] of rows.entries()) {
    const step = migrations[index];
    const isOurs =
      step === undefined || checksumOf(step) === String(row["checksum"]);
    if (row["version"] !== index + 1 || !isOurs)
      throw new StartError(
        "schema_history",
        `the recorded migrations differ from this release's at step ${index + 1}`,
      );
  }
  return rows.length;
}

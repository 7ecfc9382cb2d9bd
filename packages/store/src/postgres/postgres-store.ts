import { makeSteadyClock } from "@accredit/core";
import { DcrError } from "@accredit/core/errors";
import type { Clock } from "@accredit/core/ports";
import { makeStore, notReady, type AccreditStore } from "../lib/make-store.ts";
import { StartError } from "../lib/start-error.ts";
import { unopened } from "../lib/unopened.ts";
import { WriteQueue, type StoreFailure } from "../lib/write-queue.ts";
import { migratePostgres } from "./migrate.ts";
import { POSTGRES_MIGRATIONS, type PostgresMigration } from "./migrations.ts";
import { describePostgresFailure } from "./postgres-error.ts";
import { PostgresWriter } from "./postgres-writer.ts";
import { postgresReader } from "./reader.ts";
import { reportFailures } from "./report-failures.ts";
import { askState, guardedSession } from "./server-state.ts";
import { makeConnections, type Session } from "./session.ts";

/** How `openPostgresStore` opens its database. */
export interface PostgresStoreOptions {
  /** `postgres://user@host:5432/database`; TLS by libpq's `sslmode` and `sslrootcert`. */
  readonly url: string;
  readonly password?: string | undefined;
  readonly clock: Clock;
  /** Hears once of every time the store stops taking writes, or cannot be read. */
  readonly onFailure?: ((failure: StoreFailure) => void) | undefined;
  /** Connections that read, at most; one more writes. Default 10. */
  readonly maxConnections?: number | undefined;
  /** Writes accepted and not yet committed, at most; more are refused as `overloaded`. Default 10000. */
  readonly maxPendingWrites?: number | undefined;
  /** How long the server may take for one answer. Milliseconds. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Default: those of this release. */
  readonly migrations?: readonly PostgresMigration[] | undefined;
}

// Each waits for the lock as long as it may, and for the server as long again.
const STALLED_MS = 30_000;
const MAX_BATCH = 1000;
const READ_ONLY = "it is a standby, or set to read only";
// A step may rewrite a table of millions of rows, and nodes that start meanwhile wait for it.
const MIGRATION_MS = 1_800_000;

/** As `openPostgresStore` says; `@throws` as there. */
export async function connectPostgresStore(
  options: PostgresStoreOptions,
): Promise<AccreditStore> {
  const { clock, migrations = POSTGRES_MIGRATIONS } = options;
  const connection = { ...options, timeoutMs: options.timeoutMs ?? 5000 };
  const writing = makeConnections(connection, 1);
  const reading = makeConnections(connection, options.maxConnections ?? 10);
  const closeReading = (): Promise<void> => reading.close();
  const migrating = makeConnections(
    { ...connection, timeoutMs: MIGRATION_MS },
    1,
  );
  try {
    await checkServer(writing);
    await migratePostgres(migrating, migrations, clock.now());
  } catch (error) {
    await Promise.all([writing.close(), closeReading()]);
    throw unopened(
      error instanceof StartError
        ? error
        : new StartError("server", describePostgresFailure(error)),
    );
  } finally {
    await migrating.close();
  }
  const onFailure = options.onFailure ?? (() => {});
  const watched = reportFailures(reading, onFailure, () => performance.now());
  const queue = new WriteQueue(new PostgresWriter(writing, migrations.length), {
    maxPending: options.maxPendingWrites ?? 10_000,
    maxBatch: MAX_BATCH,
    now: makeSteadyClock(
      () => clock.now(),
      () => performance.now(),
    ),
    onFailure,
  });
  return makeStore({
    queue,
    reader: postgresReader(guardedSession(watched, migrations.length)),
    async ping() {
      if (queue.needsProbe) await queue.submit({ kind: "probe" });
      if (queue.waitedMs > STALLED_MS)
        throw notReady("a write has not finished in time");
      try {
        const state = await askState(watched, migrations.length);
        // A server may become a standby while nobody writes.
        if (state.isReadOnly === true)
          throw notReady(
            `nothing can be written to the database: ${READ_ONLY}`,
          );
        return { clockAheadSeconds: clock.now() - state.now };
      } catch (error) {
        if (error instanceof DcrError) throw error;
        throw notReady(describePostgresFailure(error));
      }
    },
    async close() {
      await queue.close();
      await closeReading();
    },
  });
}

/** What would lose acknowledged writes, or change texts. */
async function checkServer(session: Session): Promise<void> {
  const show = async (setting: string): Promise<unknown> => {
    const [row] = await session.query(
      "SELECT current_setting($1, true) AS value",
      [setting],
    );
    return row?.["value"];
  };
  const problems: readonly (readonly [string, string, string])[] = [
    ["synchronous_commit", "off", "acknowledged writes could be lost"],
    ["fsync", "off", "acknowledged writes could be lost"],
    ["transaction_read_only", "on", READ_ONLY],
    ["array_nulls", "off", "no audit row could be written"],
  ];
  for (const [setting, wrong, why] of problems)
    if ((await show(setting)) === wrong)
      throw new StartError(
        setting,
        `expected the server not to have ${setting} ${wrong}: ${why}`,
      );
  const encoding = await show("server_encoding");
  if (encoding !== "UTF8")
    throw new StartError(
      "server_encoding",
      `expected a database in UTF8, got ${String(encoding)}`,
    );
}

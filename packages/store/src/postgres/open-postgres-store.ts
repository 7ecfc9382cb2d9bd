import type { AccreditStore } from "../lib/make-store.ts";
import type { PostgresStoreOptions } from "./postgres-store.ts";

/**
 * Opens, and where it is new prepares, a PostgreSQL database that any number of nodes share: its tables are in
 * the schema `accredit`. A write that resolves is committed as the server's `synchronous_commit` says.
 *
 * One that rejects because the server did not answer may still have been made: registering again gives the
 * same client.
 *
 * @throws {DcrError} `store_unavailable`; `data.check` names the check that failed
 */
export async function openPostgresStore(
  options: PostgresStoreOptions,
): Promise<AccreditStore> {
  // A server on SQLite starts without the driver.
  const { connectPostgresStore } = await import("./postgres-store.ts");
  return connectPostgresStore(options);
}

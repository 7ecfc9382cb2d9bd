export { openSqliteStore } from "./sqlite/sqlite-store.ts";
export type { SqliteStoreOptions } from "./sqlite/sqlite-store.ts";
export { backUpSqlite } from "./sqlite/back-up.ts";
export type { Backup } from "./sqlite/back-up.ts";
export { openPostgresStore } from "./postgres/open-postgres-store.ts";
export type { PostgresStoreOptions } from "./postgres/postgres-store.ts";
export type { AccreditStore } from "./lib/make-store.ts";
export type { IntegrityCheck } from "./sqlite/integrity.ts";
export type { StoreFailure } from "./lib/write-queue.ts";

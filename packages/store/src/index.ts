export { openSqliteStore } from "./sqlite-store.ts";
export type { SqliteStore, SqliteStoreOptions } from "./sqlite-store.ts";
export type { IntegrityCheck } from "./lib/integrity.ts";
export type { StoreFailure } from "./lib/write-queue.ts";

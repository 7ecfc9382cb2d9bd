export { openSqliteStore } from "./sqlite-store.ts";
export type { SqliteStoreOptions } from "./sqlite-store.ts";
export type { AccreditStore } from "./lib/make-store.ts";
export type { IntegrityCheck } from "./lib/integrity.ts";
export type { StoreFailure } from "./lib/write-queue.ts";

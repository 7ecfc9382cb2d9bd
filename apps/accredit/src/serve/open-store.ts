import { readFile } from "node:fs/promises";
import type { Clock } from "@accredit/core/ports";
import {
  openPostgresStore,
  openSqliteStore,
  type AccreditStore,
  type StoreFailure,
} from "@accredit/store";
import type { Config } from "../config/index.ts";

/**
 * Opens the database that the configuration names.
 *
 * @throws {DcrError} `store_unavailable`; an `Error` where the password cannot be read
 */
export async function openStore(
  store: Config["store"],
  clock: Clock,
  onFailure: (failure: StoreFailure) => void,
): Promise<AccreditStore> {
  if (store.kind === "sqlite")
    return openSqliteStore({ path: store.path, clock, onFailure });
  const { url, passwordFile, maxConnections } = store;
  const password =
    passwordFile === undefined
      ? undefined
      : (await readFile(passwordFile, "utf8")).trim();
  return openPostgresStore({ url, password, maxConnections, clock, onFailure });
}

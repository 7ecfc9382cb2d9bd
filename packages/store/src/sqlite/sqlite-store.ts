import { makeSteadyClock } from "@accredit/core";
import type { Clock, StoreHealth } from "@accredit/core/ports";
import { identifyFile, prepareDatabaseFile } from "./database-file.ts";
import type { FileIdentity } from "./database-file.ts";
import type { IntegrityCheck } from "./integrity.ts";
import {
  makeStore,
  notReady,
  type AccreditStore,
  type StoreParts,
} from "../lib/make-store.ts";
import { read } from "../lib/read.ts";
import { openReader } from "./reader.ts";
import { reserveGivenUpAt } from "./reserve.ts";
import type { Reader } from "./reader.ts";
import { StartError } from "../lib/start-error.ts";
import { startWriter } from "./start-writer.ts";
import { unopened } from "../lib/unopened.ts";
import { WriteQueue } from "../lib/write-queue.ts";
import type { StoreFailure } from "../lib/write-queue.ts";

/** How {@link openSqliteStore} opens its database. */
export interface SqliteStoreOptions {
  /** The database file; its directory is made where it is missing. */
  readonly path: string;
  readonly clock: Clock;
  /** Hears once of every time the store stops taking writes. */
  readonly onFailure?: (failure: StoreFailure) => void;
  /** How thoroughly the file is examined first. Default `auto`. */
  readonly integrityCheck?: IntegrityCheck;
  /** Writes accepted and not yet on disk, at most; more are refused as `overloaded`. Default 10000. */
  readonly maxPendingWrites?: number;
  /** The database file grows to this many bytes at most; beyond, writes fail as on a full disk. */
  readonly maxBytes?: number;
  /** How long to wait for another process's write, in milliseconds. Default 5000. */
  readonly busyTimeoutMs?: number;
}

// A batch that takes longer has a disk that hangs; readiness says so.
const STALLED_MS = 15_000;
// Reads block the event loop while they wait; only recovery after a crash ever makes them.
const READ_BUSY_TIMEOUT_MS = 1000;
const MAX_BATCH = 1000;

/**
 * Opens, or makes, the database that holds everything: one SQLite file in write-ahead mode with a sync
 * at every commit. A write that resolves is on disk.
 *
 * @throws {DcrError} `store_unavailable`; `data.check` names the check that failed
 */
export async function openSqliteStore(
  options: SqliteStoreOptions,
): Promise<AccreditStore> {
  const { clock } = options;
  try {
    const path = prepareDatabaseFile(options.path);
    const thread = await startWriter({
      path,
      busyTimeoutMs: options.busyTimeoutMs ?? 5000,
      integrityCheck: options.integrityCheck ?? "auto",
      maxBytes: options.maxBytes,
      now: clock.now(),
    });
    const queue = new WriteQueue(thread, {
      maxPending: options.maxPendingWrites ?? 10_000,
      maxBatch: MAX_BATCH,
      now: makeSteadyClock(
        () => clock.now(),
        () => performance.now(),
      ),
      onFailure: options.onFailure ?? (() => {}),
      // Where the writer could not take the reserve as it opened, leases went on standing still meanwhile.
      noRoomSince: reserveGivenUpAt(path),
    });
    try {
      const reader = openReader(path, READ_BUSY_TIMEOUT_MS);
      return makeStore({
        queue,
        reader,
        ...ownParts(queue, reader, path, await identifyFile(path)),
      });
    } catch (error) {
      await queue.close();
      throw error;
    }
  } catch (error) {
    throw error instanceof StartError ? unopened(error) : error;
  }
}

/** What a SQLite file has of its own: a file that may be moved, and a log that the last connection tidies away. */
function ownParts(
  queue: WriteQueue,
  reader: Reader,
  path: string,
  identity: FileIdentity | undefined,
): Pick<StoreParts, "ping" | "close"> {
  const ping = async (): Promise<StoreHealth> => {
    if (queue.needsProbe) await queue.submit({ kind: "probe" });
    if (queue.waitedMs > STALLED_MS) {
      throw notReady("a write has not finished in time");
    }
    const now = await identifyFile(path);
    if (now?.inode !== identity?.inode || now?.device !== identity?.device) {
      throw notReady("the database file was moved, replaced or deleted");
    }
    await read(async () => reader.probe());
    return { clockAheadSeconds: 0 };
  };

  const close = async (): Promise<void> => {
    const broken = queue.failure?.kind === "broken";
    // The last connection to close tidies the files away: that is the writer's work, unless it failed.
    if (!broken) reader.close();
    await queue.close();
    if (broken) reader.close();
  };

  return { ping, close };
}

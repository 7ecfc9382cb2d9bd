import { setImmediate as immediate } from "node:timers/promises";
import { makeSteadyClock } from "@accredit/core";
import { DcrError } from "@accredit/core/errors";
import type { Clock, Store } from "@accredit/core/ports";
import type { VcClient } from "@accredit/core/registration";
import { identifyFile, prepareDatabaseFile } from "./lib/database-file.ts";
import type { FileIdentity } from "./lib/database-file.ts";
import type { IntegrityCheck } from "./lib/integrity.ts";
import { NOTHING_VERIFIED } from "./lib/audit-reader.ts";
import { lifecycle } from "./lib/lifecycle.ts";
import { openReader, read } from "./lib/reader.ts";
import type { Reader } from "./lib/reader.ts";
import {
  auditToColumns,
  clientToColumns,
  keyToColumns,
} from "./lib/records.ts";
import { StartError } from "./lib/start-error.ts";
import { startWriter } from "./lib/start-writer.ts";
import { WriteQueue } from "./lib/write-queue.ts";
import type { StoreFailure } from "./lib/write-queue.ts";

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

/** What the SQLite store can do beyond the port. */
export interface SqliteStore extends Store {
  /** How many clients each policy rule admitted; rules without any are left out. */
  countClientsByRule(): Promise<ReadonlyMap<string, number>>;
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
): Promise<SqliteStore> {
  const { clock } = options;
  try {
    const path = await prepareDatabaseFile(options.path);
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
      purgeBefore: makeSteadyClock(
        () => clock.now(),
        () => performance.now(),
      ),
      onFailure: options.onFailure ?? (() => {}),
    });
    try {
      const reader = openReader(path, READ_BUSY_TIMEOUT_MS);
      return makeStore(queue, reader, path, await identifyFile(path));
    } catch (error) {
      await queue.close();
      throw error;
    }
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    throw new DcrError(
      "store_unavailable",
      `The store cannot be opened, check ${error.check}: ${error.message}.`,
      { data: { check: error.check }, cause: error },
    );
  }
}

function makeStore(
  queue: WriteQueue,
  reader: Reader,
  path: string,
  identity: FileIdentity | undefined,
): SqliteStore {
  let closed: Promise<void> | undefined;

  const register: Store["register"] = async (proposal) => {
    const { client, conditions } = proposal;
    const [denied, clientId, issuedAt, created] = await queue.submit({
      kind: "register",
      client: clientToColumns(proposal),
      identity: [client.subject, client.trust, client.kind, client.softwareId],
      rule: client.rule,
      conditions,
      statusLists: client.kind === "vc" ? statusListsOf(client) : [],
      audit: auditToColumns(proposal.audit),
    });
    if (typeof denied === "string") throw conditionFailed(denied);
    return {
      client: {
        ...client,
        clientId: String(clientId),
        issuedAt: Number(issuedAt),
      },
      created: created === 1,
    };
  };

  const ping: Store["ping"] = async () => {
    if (closed !== undefined) throw notReady("it is closed");
    // Asks the disk again: were it left to real writes, a server taken out of service for a full disk
    // would get none and never come back.
    if (queue.failure !== undefined) await queue.submit({ kind: "probe" });
    if (queue.waitedMs > STALLED_MS) {
      throw notReady("a write has not finished in time");
    }
    const now = await identifyFile(path);
    if (now?.inode !== identity?.inode || now?.device !== identity?.device) {
      throw notReady("the database file was moved, replaced or deleted");
    }
    read(() => reader.probe());
  };

  const loadOrCreateSigningKeys: Store["loadOrCreateSigningKeys"] = async (
    generate,
  ) => {
    const present = read(() => reader.readSigningKeys());
    if (present.length > 0) return present;
    const key = keyToColumns(await generate());
    // Does nothing where another process was quicker; what is there then is the answer.
    await queue.submit({ kind: "signing-key", key });
    return read(() => reader.readSigningKeys());
  };

  const close = async (): Promise<void> => {
    const broken = queue.failure?.kind === "broken";
    // The last connection to close tidies the files away: that is the writer's work, unless it failed.
    if (!broken) reader.close();
    await queue.close();
    if (broken) reader.close();
  };

  return {
    register,
    ping,
    loadOrCreateSigningKeys,
    findClient: async (clientId) => read(() => reader.findClient(clientId)),
    findSpiffeClients: async (subject) =>
      read(() => reader.findSpiffeClients(subject)),
    async appendAudit(entry) {
      await queue.submit({
        kind: "audit",
        audit: auditToColumns(entry),
        action: entry.action,
        clientId: entry.clientId,
      });
    },
    readAudit: async (query) => read(() => reader.readAudit(query)),
    findAudit: async (id) => read(() => reader.findAudit(id)),
    async verifyAudit() {
      let verdict = NOTHING_VERIFIED;
      for (;;) {
        const next = read(() => reader.verifyPage(verdict));
        if (next === undefined) break;
        verdict = next;
        await immediate();
      }
      const { sequence: _, ...rest } = verdict;
      return rest;
    },
    ...lifecycle(queue, reader),
    countClients: async () => read(() => reader.countClients()),
    countClientsByRule: async () => read(() => reader.countClientsByRule()),
    async revokeToken(tokenId, clientId, expiresAt) {
      const token = [tokenId, clientId, expiresAt];
      await queue.submit({ kind: "revoke", token });
    },
    isTokenRevoked: async (tokenId) =>
      read(() => reader.isTokenRevoked(tokenId)),
    async claimOnce(key, expiresAt) {
      const [claimed] = await queue.submit({
        kind: "claim",
        proof: [key, expiresAt],
      });
      return claimed === 1;
    },
    close: () => (closed ??= close()),
  };
}

function statusListsOf({
  credential,
}: Pick<VcClient, "credential">): readonly string[] {
  return credential.status.flatMap((entry) =>
    entry.kind === "unknown" ? [] : [entry.listUrl],
  );
}

/** The writer's word for a condition that does not hold, as the error of the port. */
function conditionFailed(denied: string): DcrError {
  if (denied === "client_unknown")
    return new DcrError("client_unknown", "the client is no longer there");
  return denied === "client_keys_fixed"
    ? new DcrError(
        "client_keys_fixed",
        "expected the keys that the client has, or a proof of the new ones, got other keys",
      )
    : new DcrError(
        "quota_exceeded",
        "the policy rule, the trust source, or this subject has as many clients as it may",
      );
}

function notReady(why: string): DcrError {
  return new DcrError("store_unavailable", `The store is not ready: ${why}.`);
}

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { MIGRATIONS } from "./migrations/index.ts";
import { auditAppender } from "./audit-writer.ts";
import { clientRegistrar } from "./client-registrar.ts";
import { makeDurable, openConnection } from "./connection.ts";
import { checkDatabase, checkWriteAheadLog } from "./integrity.ts";
import { lifecycleWriter } from "./lifecycle-writer.ts";
import { checkOwnership, migrate, readPragma } from "./migrate.ts";
import { makeReserve, type Reserve } from "./reserve.ts";
import {
  classifyFailure,
  describeFailure,
  NoRoomError,
} from "./sqlite-error.ts";
import {
  KEPT_AFTER_EXPIRY,
  type Column,
  type WriteOp,
  type WriteResult,
} from "../lib/writer-protocol.ts";
import type { WriterOptions } from "./writer-options.ts";

// One statement, so that two processes starting at once agree on the first key.
const SIGNING_KEY = `INSERT INTO signing_keys (kid, algorithm, private_jwk, created_at)
  SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM signing_keys)`;

const REVOKE = `INSERT INTO revoked_tokens (token_id, client_id, expires_at) VALUES (?, ?, ?)
  ON CONFLICT (token_id) DO NOTHING`;

const NOTE_LIST = `INSERT INTO status_list_times (name, issued_at) VALUES (?, ?)
  ON CONFLICT (name) DO UPDATE SET issued_at = max(issued_at, excluded.issued_at)`;

const CLAIM = `INSERT INTO used_proofs (key, expires_at) VALUES (?, ?)
  ON CONFLICT (key) DO NOTHING`;

// A few rows a time: each write pays for some of those that went before it.
const PURGES = {
  revoke: `DELETE FROM revoked_tokens WHERE token_id IN
    (SELECT token_id FROM revoked_tokens WHERE expires_at < ? ORDER BY expires_at LIMIT 50)`,
  claim: `DELETE FROM used_proofs WHERE key IN
    (SELECT key FROM used_proofs WHERE expires_at < ? ORDER BY expires_at LIMIT 200)`,
};

// Larger than a page, so that room for a real write is what is tried.
const PROBE =
  "INSERT INTO write_probe (id, filler) VALUES (1, zeroblob(16384))";
const PROBE_END = "DELETE FROM write_probe WHERE id = 1";

// 1 MiB of pages. Whoever writes next waits while they are moved, and among a million clients nearly each is another
// page: moving four times as many at once took as long as four batches, and was most of the slowest hundredth.
const TIDY_FRAMES = 256;

/**
 * What is written on a full disk, with the room of the reserve: what withdraws, what undoes that, and what frees room.
 * Nobody can repeat it without end while nothing is registered.
 */
const WITHDRAWALS: ReadonlySet<WriteOp["kind"]> = new Set([
  "suspend",
  "resume",
  "delete",
  "sweep",
  "credentials",
]);

/** What became of a batch. */
export interface Applied {
  readonly results: readonly WriteResult[];
  /** Why the writes that are no withdrawals had no room; undefined where they had. */
  readonly noRoom: string | undefined;
}

/** The one connection that writes. Synchronous: it lives in its own thread. */
export interface Writer {
  /** Applies the writes in one transaction; returning means they are on disk. */
  apply(ops: readonly WriteOp[], now: number): Applied;
  /**
   * Moves a write-ahead log that has grown long into the database. Between two batches, so that nobody
   * waits for it. Throws where SQLite met an input/output error.
   */
  tidy(): void;
  /** Moves the write-ahead log into the database and closes. */
  close(): void;
}

/**
 * Opens the database for writing: examines it, makes it durable, brings its schema up to date.
 *
 * @throws {StartError}
 */
export function openWriter(options: WriterOptions): Writer {
  checkWriteAheadLog(options.path, options.integrityCheck);
  const db = openConnection(options.path, { ...options, readOnly: false });
  try {
    // Before anything is changed: the file may not be ours. In a transaction, for one consistent look.
    db.exec("BEGIN");
    checkOwnership(db, MIGRATIONS);
    db.exec("COMMIT");
    makeDurable(db, options.busyTimeoutMs);
    checkDatabase(db, options.integrityCheck);
    migrate(db, MIGRATIONS, options.now);
    if (options.maxBytes !== undefined) limitSize(db, options.maxBytes);
    return makeWriter(db, makeReserve(options.path));
  } catch (error) {
    db.close();
    throw error;
  }
}

function limitSize(db: DatabaseSync, maxBytes: number): void {
  const pages = Math.floor(maxBytes / readPragma(db, "page_size"));
  db.exec(`PRAGMA max_page_count = ${Math.max(1, pages)}`);
}

/** Never hides the error that led here; a connection that stays in a transaction refuses the next. */
function rollBack(db: DatabaseSync): void {
  try {
    // SQLite may have rolled back by itself (full disk, input/output error).
    if (db.isTransaction) db.exec("ROLLBACK");
  } catch {
    return;
  }
}

function makeWriter(db: DatabaseSync, reserve: Reserve): Writer {
  reserve.hold();
  const prepare = (sql: string): StatementSync => db.prepare(sql);
  const begin = prepare("BEGIN IMMEDIATE");
  const commit = prepare("COMMIT");
  const registerClient = clientRegistrar(db);
  const appendAudit = auditAppender(db);
  const changeLifecycle = lifecycleWriter(db, appendAudit);
  const addSigningKey = prepare(SIGNING_KEY);
  const revoke = prepare(REVOKE);
  const noteList = prepare(NOTE_LIST);
  const claim = prepare(CLAIM);
  const purges = [
    { kind: "revoke", statement: prepare(PURGES.revoke) },
    { kind: "claim", statement: prepare(PURGES.claim) },
  ] as const;
  const probe = prepare(PROBE);
  const endProbe = prepare(PROBE_END);
  const logLength = prepare("PRAGMA wal_checkpoint(NOOP)");
  const moveLog = prepare("PRAGMA wal_checkpoint(PASSIVE)");

  const register = (
    op: Extract<WriteOp, { kind: "register" }>,
  ): readonly Column[] => {
    const outcome = registerClient(op);
    if (outcome.denied !== undefined) return [outcome.denied];
    const { clientId, issuedAt, created, registrationId } = outcome;
    const action = created ? "client.registered" : "client.updated";
    appendAudit(op.audit, action, clientId);
    return [null, clientId, issuedAt, created ? 1 : 0, registrationId];
  };

  const applyOne = (op: WriteOp): readonly Column[] => {
    switch (op.kind) {
      case "register":
        return register(op);
      case "audit":
        appendAudit(op.audit, op.action, op.clientId);
        break;
      case "signing-key":
        addSigningKey.run(...op.key);
        break;
      case "revoke":
        if (revoke.run(...op.token).changes === 1)
          appendAudit(op.audit, "token.revoked", op.token[1]);
        break;
      case "status-list":
        noteList.run(...op.list);
        break;
      case "claim":
        return [Number(claim.run(...op.proof).changes)];
      case "probe":
        probe.run();
        endProbe.run();
        break;
      case "renew":
      case "delete":
      case "rotate":
      case "destroy-token":
      case "sweep":
      case "credentials":
      case "suspend":
      case "resume":
        return changeLifecycle(op);
    }
    return [];
  };

  /** As `applyOne`, but a refused write is undone alone and the others go on. */
  const applyApart = (op: WriteOp): WriteResult => {
    db.exec("SAVEPOINT one");
    try {
      const result = applyOne(op);
      db.exec("RELEASE one");
      return result;
    } catch (error) {
      if (classifyFailure(error) !== "refused" || !db.isTransaction)
        throw error;
      db.exec("ROLLBACK TO one");
      db.exec("RELEASE one");
      return { refused: describeFailure(error) };
    }
  };

  const transact = (
    ops: readonly WriteOp[],
    now: number,
    applyOp: (op: WriteOp) => WriteResult,
  ): WriteResult[] => {
    begin.run();
    try {
      const results = ops.map(applyOp);
      for (const { kind, statement } of purges)
        if (ops.some((op) => op.kind === kind))
          statement.run(now - KEPT_AFTER_EXPIRY);
      commit.run();
      return results;
    } catch (error) {
      rollBack(db);
      throw error;
    }
  };

  const applyAll = (ops: readonly WriteOp[], now: number): WriteResult[] => {
    try {
      return transact(ops, now, applyOne);
    } catch (error) {
      if (classifyFailure(error) !== "refused") throw error;
      // One of them is at fault. Savepoints find it; the usual case does not pay for them.
      return transact(ops, now, applyApart);
    }
  };

  /** On a full disk the withdrawals are made alone, with the room that was held for them. */
  const applyWithdrawals = (
    ops: readonly WriteOp[],
    now: number,
    full: NoRoomError,
  ): Applied => {
    const withdrawals = ops.filter(({ kind }) => WITHDRAWALS.has(kind));
    if (withdrawals.length === 0) throw full;
    const made = applyAll(withdrawals, now).values();
    const results = ops.map((op): WriteResult =>
      WITHDRAWALS.has(op.kind)
        ? (made.next().value ?? [])
        : { noRoom: full.message },
    );
    return { results, noRoom: full.message };
  };

  return {
    apply(ops, now) {
      if (!reserve.hold()) {
        return applyWithdrawals(ops, now, new NoRoomError());
      }
      try {
        return { results: applyAll(ops, now), noRoom: undefined };
      } catch (error) {
        if (classifyFailure(error) !== "disk_full") throw error;
        reserve.giveUp();
        const full = new NoRoomError({ cause: error });
        return applyWithdrawals(ops, now, full);
      }
    },
    tidy() {
      const { log, checkpointed } = logLength.get() ?? {};
      if (Number(log) < TIDY_FRAMES || log === checkpointed) return;
      try {
        moveLog.get();
      } catch (error) {
        // No room, or another process is at it: the log stays, the next time will do.
        if (classifyFailure(error) === "broken") throw error;
      }
    },
    close() {
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      db.close();
    },
  };
}

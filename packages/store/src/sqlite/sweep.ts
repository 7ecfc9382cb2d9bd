import type { DatabaseSync } from "node:sqlite";
import { splitSuspended, SUSPENDED_FOR } from "../lib/suspended-rows.ts";
import type { Column, LifecycleOp } from "../lib/writer-protocol.ts";
import type { AppendAudit } from "./audit-writer.ts";

const DUE = `id, client_id, subject,
  EXISTS (SELECT 1 FROM suspensions WHERE scope = 'trust' AND value = trust)
  OR EXISTS (SELECT 1 FROM suspensions WHERE scope = 'rule' AND value = rule)
  OR EXISTS (SELECT 1 FROM suspensions WHERE scope = 'subject' AND value = subject)
  OR EXISTS (SELECT 1 FROM suspensions WHERE scope = 'client' AND value = client_id) AS is_suspended`;
const DUE_TO_END = `SELECT ${DUE} FROM clients WHERE state = 'live' AND lease_expires_at < ?
  ORDER BY lease_expires_at LIMIT ?`;
// A process of an older release also leaves the time of an earlier end on a client that came back: that one is not
// meant. Left to itself SQLite goes by the lease: of many that ran out long ago few may be due.
const DUE_TO_GO = `SELECT ${DUE} FROM clients INDEXED BY clients_ended
  WHERE state = 'ended' AND ended_at < ?1 AND lease_expires_at < ?1 ORDER BY ended_at LIMIT ?2`;
const PATTERNS =
  "SELECT value FROM suspensions WHERE scope = 'subject' AND instr(value, '*') > 0";
const END = "UPDATE clients SET state = 'ended', ended_at = ? WHERE id = ?";
const REMOVE = "DELETE FROM clients WHERE id = ?";
const EXTEND = "UPDATE clients SET lease_expires_at = ? WHERE id = ?";
const KEEP = "UPDATE clients SET ended_at = ? WHERE id = ?";
// What a process of an older release ended says when: from now on.
const DATE = `UPDATE clients SET ended_at = max(?, lease_expires_at) WHERE id IN
  (SELECT id FROM clients WHERE state = 'ended' AND ended_at IS NULL LIMIT ?)`;

/** Prepares the statements that end leases and remove what was ended; what is suspended stays as it is. */
export function sweeper(
  db: DatabaseSync,
  appendAudit: AppendAudit,
): (op: Extract<LifecycleOp, { kind: "sweep" }>) => readonly Column[] {
  const dueToEnd = db.prepare(DUE_TO_END);
  const dueToGo = db.prepare(DUE_TO_GO);
  const patterns = db.prepare(PATTERNS);
  const end = db.prepare(END);
  const remove = db.prepare(REMOVE);
  const extend = db.prepare(EXTEND);
  const keep = db.prepare(KEEP);
  const date = db.prepare(DATE);
  const idOf = (row: Record<string, unknown>) => Number(row["id"]);
  const namesOf = (rows: readonly Record<string, unknown>[]) =>
    rows.map((row) => String(row["client_id"]));

  return ({ now, keepSeconds, limit, audits }) => {
    const hit = patterns.all();
    const old = splitSuspended(dueToGo.all(now - keepSeconds, limit), hit);
    for (const row of old.others) remove.run(idOf(row));
    for (const row of old.suspended) keep.run(now, idOf(row));
    const over = splitSuspended(dueToEnd.all(now, limit), hit);
    for (const row of over.others) end.run(now, idOf(row));
    for (const row of over.suspended)
      extend.run(now + SUSPENDED_FOR, idOf(row));
    date.run(now, limit);
    const [expired, removed] = [namesOf(over.others), namesOf(old.others)];
    const [expiredAudit, removedAudit] = audits;
    if (expired.length > 0)
      appendAudit(expiredAudit, "clients.expired", null, { clients: expired });
    if (removed.length > 0)
      appendAudit(removedAudit, "clients.removed", null, { clients: removed });
    const kept = over.suspended.length + old.suspended.length;
    return [expired.length, removed.length, kept];
  };
}

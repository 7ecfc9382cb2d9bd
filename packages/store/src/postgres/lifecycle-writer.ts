import type { Column, LifecycleOp } from "../lib/writer-protocol.ts";
import type { Row } from "../lib/records.ts";
import { splitSuspended, SUSPENDED_FOR } from "../lib/suspended-rows.ts";
import { CountChanges } from "./counts.ts";
import { keyOf } from "./keys.ts";
import type { WriterTransaction } from "./transaction.ts";

const RENEW = `UPDATE accredit.clients SET lease_expires_at = $1
  WHERE client_key = $2 AND state = 'live' AND coalesce(lease_expires_at, 0) < $1 RETURNING id`;
const DELETE = `DELETE FROM accredit.clients WHERE client_key = $1
  RETURNING id, client_id, rule, trust, state`;
const DESTROY_TOKEN = `UPDATE accredit.clients SET management_token_hash = NULL
  WHERE management_token_hash = $1 RETURNING client_id`;
const ROTATE = `UPDATE accredit.clients SET management_token_hash = $1
  WHERE client_key = $2 AND (management_token_hash = $3 OR (management_token_hash IS NULL AND $3 IS NULL))
  RETURNING id`;
const SUSPENDED = [
  "scope = 'trust' AND value = trust",
  "scope = 'rule' AND value = rule",
  "scope = 'subject' AND value_key = subject_key",
  "scope = 'client' AND value_key = client_key",
]
  .map((names) => `EXISTS (SELECT 1 FROM accredit.suspensions WHERE ${names})`)
  .join(" OR ");
const DUE = `SELECT id, client_id, subject, rule, trust, ${SUSPENDED} AS is_suspended FROM accredit.clients`;
const DUE_TO_END = `${DUE} WHERE state = 'live' AND lease_expires_at < $1 ORDER BY lease_expires_at LIMIT $2`;
// A node of an older release also leaves the time of an earlier end on a client that came back: that one is not meant.
const DUE_TO_GO = `${DUE} WHERE state = 'ended' AND ended_at < $1 AND lease_expires_at < $1
  ORDER BY ended_at LIMIT $2`;
const PATTERNS = `SELECT value FROM accredit.suspensions WHERE scope = 'subject' AND strpos(value, '*') > 0`;
const END = `UPDATE accredit.clients SET state = 'ended', ended_at = $1 WHERE id = ANY($2::int8[])`;
const EXTEND = `UPDATE accredit.clients SET lease_expires_at = $1 WHERE id = ANY($2::int8[])`;
const KEEP = `UPDATE accredit.clients SET ended_at = $1 WHERE id = ANY($2::int8[])`;
const REMOVE = `DELETE FROM accredit.clients WHERE id = ANY($1::int8[])`;
// What a node of an older release ended says when: from now on.
const DATE = `UPDATE accredit.clients SET ended_at = greatest($1, lease_expires_at) WHERE id IN
  (SELECT id FROM accredit.clients WHERE state = 'ended' AND ended_at IS NULL LIMIT $2)`;
const FORGET_LISTS = `DELETE FROM accredit.client_status_lists WHERE client = ANY($1::int8[])`;
const TURN = `UPDATE accredit.clients SET credential_withdrawn = $1
  WHERE client_key = ANY($2::text[]) AND kind = 'vc' AND coalesce(credential_withdrawn, 0) <> $1
  RETURNING client_id`;
const SUSPEND = `INSERT INTO accredit.suspensions (scope, value, reason, since, value_key,
    client_trust, client_subject, client_software_id, client_subject_key)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  ON CONFLICT (scope, value_key) DO UPDATE SET reason = excluded.reason
  WHERE suspensions.reason <> excluded.reason RETURNING scope`;
const WHOSE = `SELECT trust, subject, software_id FROM accredit.clients WHERE client_key = $1`;
const SINCE = `SELECT since FROM accredit.suspensions WHERE scope = $1 AND value_key = $2`;
const RESUME = `DELETE FROM accredit.suspensions WHERE scope = $1 AND value_key = $2 RETURNING scope`;

type Handlers = {
  readonly [Kind in LifecycleOp["kind"]]: (
    transaction: WriterTransaction,
    op: Extract<LifecycleOp, { kind: Kind }>,
  ) => Promise<readonly Column[]>;
};

const HANDLERS: Handlers = {
  async renew(transaction, { clientId, leaseExpiresAt, audit }) {
    const rows = await transaction.session.query(RENEW, [
      leaseExpiresAt,
      keyOf(clientId),
    ]);
    if (rows.length > 0)
      transaction.appendAudit(audit, "client.renewed", clientId);
    return [rows.length];
  },
  async delete(transaction, { clientId, audit }) {
    const { session } = transaction;
    const rows = await session.query(DELETE, [keyOf(clientId)]);
    await removeCounted(
      transaction,
      rows.filter(({ state }) => state === "live"),
    );
    await forgetLists(transaction, rows);
    if (rows.length > 0)
      transaction.appendAudit(audit, "client.deleted", clientId);
    return [rows.length];
  },
  async rotate({ session }, { clientId, currentHash, nextHash }) {
    const rows = await session.query(ROTATE, [
      nextHash,
      keyOf(clientId),
      currentHash,
    ]);
    return [rows.length];
  },
  async "destroy-token"(transaction, { hash, audit }) {
    const holders = await transaction.session.query(DESTROY_TOKEN, [hash]);
    for (const row of holders)
      transaction.appendAudit(audit, "client.token_destroyed", nameOf(row));
    return [holders.length];
  },
  async sweep(transaction, { now: nodeNow, keepSeconds, limit, audits }) {
    const { session } = transaction;
    const now = transaction.earlier(nodeNow);
    const patterns = await session.query(PATTERNS);
    const split = async (due: string, before: number) =>
      splitSuspended(await session.query(due, [before, limit]), patterns);
    const change = async (sql: string, time: number, rows: readonly Row[]) => {
      if (rows.length > 0) await session.query(sql, [time, idsOf(rows)]);
    };
    const old = await split(DUE_TO_GO, now - keepSeconds);
    const removed = old.others;
    if (removed.length > 0) await session.query(REMOVE, [idsOf(removed)]);
    await forgetLists(transaction, removed);
    await change(KEEP, now, old.suspended);
    const over = await split(DUE_TO_END, now);
    const expired = over.others;
    await change(END, now, expired);
    await removeCounted(transaction, expired);
    await change(EXTEND, now + SUSPENDED_FOR, over.suspended);
    await session.query(DATE, [now, limit]);
    const [expiredAudit, removedAudit] = audits;
    if (expired.length > 0)
      transaction.appendAudit(expiredAudit, "clients.expired", null, {
        clients: expired.map(nameOf),
      });
    if (removed.length > 0)
      transaction.appendAudit(removedAudit, "clients.removed", null, {
        clients: removed.map(nameOf),
      });
    const kept = over.suspended.length + old.suspended.length;
    return [expired.length, removed.length, kept];
  },
  async credentials(transaction, { listUrl, to, clientIds, audit }) {
    const rows = await transaction.session.query(TURN, [
      to === "withdrawn" ? 1 : 0,
      clientIds.map((clientId) => keyOf(clientId)),
    ]);
    const turned = new Set(rows.map(nameOf));
    const clients = clientIds.filter((clientId) => turned.has(clientId));
    if (clients.length > 0)
      transaction.appendAudit(audit, `credentials.${to}`, null, {
        list: listUrl,
        clients,
      });
    return [clients.length];
  },
  async suspend(transaction, { suspension, details, audit }) {
    const { session } = transaction;
    const [scope = null, value = null] = suspension;
    const key = keyOf(value);
    // Only of a client: what hits others is set even while no client can be read.
    const [whose] = scope === "client" ? await session.query(WHOSE, [key]) : [];
    const of = (column: string): string | null => {
      const name = whose?.[column];
      return typeof name === "string" ? name : null;
    };
    const subject = of("subject");
    const changed = await session.query(SUSPEND, [
      ...suspension,
      key,
      of("trust"),
      subject,
      of("software_id"),
      subject === null ? null : keyOf(subject),
    ]);
    if (changed.length > 0)
      transaction.appendAudit(audit, "suspension.set", null, details);
    const [row] = await session.query(SINCE, [scope, key]);
    return [Number(row?.["since"])];
  },
  async resume(transaction, { target, details, audit }) {
    const [scope = null, value = null] = target;
    const rows = await transaction.session.query(RESUME, [scope, keyOf(value)]);
    if (rows.length > 0)
      transaction.appendAudit(audit, "suspension.lifted", null, details);
    return [rows.length];
  },
};

/** Writes what happens to clients after they are registered. */
export async function changeLifecycle(
  transaction: WriterTransaction,
  op: LifecycleOp,
): Promise<readonly Column[]> {
  return HANDLERS[op.kind](transaction, op as never);
}

const idsOf = (rows: readonly Row[]): readonly number[] =>
  rows.map((row) => Number(row["id"]));
const nameOf = (row: Row): string => String(row["client_id"]);

async function removeCounted(
  { session }: WriterTransaction,
  rows: readonly Row[],
): Promise<void> {
  const counts = new CountChanges();
  for (const row of rows)
    counts.add({ rule: String(row["rule"]), trust: String(row["trust"]) }, -1);
  await counts.write(session);
}

async function forgetLists(
  { session }: WriterTransaction,
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return;
  await session.query(FORGET_LISTS, [idsOf(rows)]);
}

import type { DatabaseSync } from "node:sqlite";
import type { AuditQuery } from "@accredit/core/ports";
import { CHAINED_COLUMNS } from "../lib/audit-chain.ts";
import type { AuditReader } from "../lib/read.ts";
import {
  AUDIT_COLUMNS,
  rowToAudit,
  rowToPlace,
  trailPage,
} from "../lib/records.ts";

const ROW = ["seq", "chain", ...CHAINED_COLUMNS].join(", ");
// One statement, so that rows and account are of one moment.
const TRAIL = `SELECT (SELECT min(seq) FROM audit) AS first_seq, trail.seq AS last_seq, trail.chain AS last_chain,
    trail.unchained, page.*
  FROM audit_trail AS trail LEFT JOIN (SELECT ${ROW} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?) AS page
  ORDER BY page.seq`;

/** Prepares the statements that read the audit trail. */
export function auditReader(db: DatabaseSync): AuditReader {
  // One statement for each way to ask, so that each uses its index.
  const newest = (condition: string) =>
    db.prepare(
      `SELECT ${AUDIT_COLUMNS} FROM audit WHERE ${condition} AND seq < ? ORDER BY seq DESC LIMIT ?`,
    );
  const all = newest("1 = 1");
  const ofAction = newest("action = ?");
  const ofClient = db.prepare(`SELECT ${AUDIT_COLUMNS} FROM audit WHERE seq IN (
      SELECT seq FROM (SELECT seq FROM audit WHERE client_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3)
      UNION ALL
      SELECT seq FROM (SELECT seq FROM audit_clients WHERE client_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3))
    ORDER BY seq DESC LIMIT ?3`);
  const ofBoth =
    db.prepare(`SELECT ${AUDIT_COLUMNS} FROM audit WHERE action = ?4 AND seq IN (
      SELECT seq FROM audit WHERE client_id = ?1 AND seq < ?2
      UNION ALL SELECT seq FROM audit_clients WHERE client_id = ?1 AND seq < ?2)
    ORDER BY seq DESC LIMIT ?3`);
  const byId = db.prepare(`SELECT ${AUDIT_COLUMNS} FROM audit WHERE id = ?`);
  const trail = db.prepare(TRAIL);
  const place = db.prepare("SELECT seq, chain FROM audit WHERE seq = ?");

  const select = ({ limit, before, clientId, action }: AuditQuery) => {
    const page = [before ?? Number.MAX_SAFE_INTEGER, limit] as const;
    if (clientId === undefined)
      return action === undefined
        ? all.all(...page)
        : ofAction.all(action, ...page);
    return action === undefined
      ? ofClient.all(clientId, ...page)
      : ofBoth.all(clientId, ...page, action);
  };

  return {
    readAudit(query) {
      const { limit } = query;
      if (!Number.isSafeInteger(limit) || limit < 0) {
        throw new TypeError(
          `limit: expected a whole number, 0 or more, got ${limit}`,
        );
      }
      return select(query).map((row) => rowToAudit(row));
    },
    findAudit(id) {
      const row = byId.get(id);
      return row === undefined ? undefined : rowToAudit(row);
    },
    // A client's rows are found by what the chain covers.
    readTrail: (after, limit) => trailPage(trail.all(after, limit), () => true),
    findPlace: (sequence) => rowToPlace(place.get(sequence)),
  };
}

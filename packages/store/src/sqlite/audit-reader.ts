import type { DatabaseSync } from "node:sqlite";
import { CHAINED_COLUMNS, verifyRow } from "../lib/audit-chain.ts";
import type { AuditReader } from "../lib/read.ts";
import { AUDIT_COLUMNS, rowToAudit } from "../lib/records.ts";

/** Rows of the trail that are checked before other work gets its turn. */
const VERIFY_PAGE = 500;

/** Prepares the statements that read the audit trail. */
export function auditReader(db: DatabaseSync): AuditReader {
  const newest = db.prepare(
    `SELECT ${AUDIT_COLUMNS} FROM audit WHERE seq < ? AND (? IS NULL OR action = ?) ORDER BY seq DESC LIMIT ?`,
  );
  const ofClient = db.prepare(
    `SELECT ${AUDIT_COLUMNS} FROM audit WHERE seq < ? AND (? IS NULL OR action = ?) AND client_id = ? ORDER BY seq DESC LIMIT ?`,
  );
  const byId = db.prepare(`SELECT ${AUDIT_COLUMNS} FROM audit WHERE id = ?`);
  const next = db.prepare(
    `SELECT seq, chain, ${CHAINED_COLUMNS.join(", ")} FROM audit WHERE seq > ? ORDER BY seq LIMIT ${VERIFY_PAGE}`,
  );

  return {
    readAudit({ limit, before, clientId, action = null }) {
      if (!Number.isSafeInteger(limit) || limit < 0) {
        throw new TypeError(
          `limit: expected a whole number, 0 or more, got ${limit}`,
        );
      }
      const range = [before ?? Number.MAX_SAFE_INTEGER, action, action];
      const rows =
        clientId === undefined
          ? newest.all(...range, limit)
          : ofClient.all(...range, clientId, limit);
      return rows.map((row) => rowToAudit(row));
    },
    findAudit(id) {
      const row = byId.get(id);
      return row === undefined ? undefined : rowToAudit(row);
    },
    verifyPage(sofar) {
      const rows = next.all(sofar.sequence);
      return rows.length === 0 || sofar.broken !== null
        ? undefined
        : rows.reduce(verifyRow, sofar);
    },
  };
}

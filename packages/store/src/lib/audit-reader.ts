import type { DatabaseSync } from "node:sqlite";
import type {
  AuditQuery,
  AuditRecord,
  AuditVerdict,
} from "@accredit/core/ports";
import { CHAINED_COLUMNS, chainValue } from "./audit-chain.ts";
import { AUDIT_COLUMNS, rowToAudit } from "./records.ts";
import type { Column } from "./writer-protocol.ts";

/** Rows of the trail that are checked before other work gets its turn. */
const VERIFY_PAGE = 500;

/** Reads the audit trail. */
export interface AuditReader {
  readAudit(query: AuditQuery): readonly AuditRecord[];
  findAudit(id: string): AuditRecord | undefined;
  /** Checks a page of the chain from where the verdict so far ends; undefined once it is complete. */
  verifyPage(sofar: AuditProgress): AuditProgress | undefined;
}

/** A verdict on the rows up to `sequence`. */
export interface AuditProgress extends AuditVerdict {
  readonly sequence: number;
}

/** The verdict on no row at all. */
export const NOTHING_VERIFIED: AuditProgress = {
  sequence: 0,
  rows: 0,
  unchained: 0,
  head: null,
  broken: null,
};

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

function verifyRow(
  sofar: AuditProgress,
  row: Readonly<Record<string, unknown>>,
): AuditProgress {
  const { head, broken, rows, unchained } = sofar;
  if (broken !== null) return sofar;
  const sequence = Number(row["seq"]);
  const progress = { ...sofar, sequence, rows: rows + 1 };
  // Rows from before the chain come first and carry no value; one without a value after them was put in.
  if (row["chain"] === null && head === null)
    return { ...progress, unchained: unchained + 1 };
  const columns = CHAINED_COLUMNS.map((name) => row[name] as Column);
  return chainValue(head, columns) === row["chain"]
    ? { ...progress, head: row["chain"] }
    : { ...progress, broken: { sequence, id: String(row["id"]) } };
}

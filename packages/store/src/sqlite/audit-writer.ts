import type { DatabaseSync } from "node:sqlite";
import {
  auditColumns,
  CHAINED_COLUMNS,
  chainValue,
} from "../lib/audit-chain.ts";
import type { Column } from "../lib/writer-protocol.ts";

// The row before, whichever process wrote it: the transaction holds the only write lock.
const LAST = "SELECT chain FROM audit ORDER BY seq DESC LIMIT 1";
const APPEND = `INSERT INTO audit (${CHAINED_COLUMNS.join(", ")}, chain)
  VALUES (${"?, ".repeat(CHAINED_COLUMNS.length)}?)`;

/** Appends one row: the columns that the caller knew, and what the outcome decided. */
export type AppendAudit = (
  draft: readonly Column[],
  action: string,
  clientId: string | null,
  details?: Readonly<Record<string, unknown>>,
) => void;

/** Prepares the statement that appends an audit row to the chain, within the writer's transaction. */
export function auditAppender(db: DatabaseSync): AppendAudit {
  const last = db.prepare(LAST);
  const append = db.prepare(APPEND);
  return (draft, action, clientId, details) => {
    const columns = auditColumns(draft, action, clientId, details);
    const previous = last.get()?.["chain"] ?? null;
    append.run(...columns, chainValue(previous as string | null, columns));
  };
}

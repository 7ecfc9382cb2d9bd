import type { DatabaseSync } from "node:sqlite";
import {
  auditColumns,
  CHAINED_COLUMNS,
  chainValue,
  namedClients,
} from "../lib/audit-chain.ts";
import type { Column } from "../lib/writer-protocol.ts";

// What was written last, whichever process did (the transaction holds the only write lock), and also where it is
// no longer there: what follows then shows that. Numbers that somebody gave to rows are left to them.
const LAST = `SELECT chain, max(seq, coalesce((SELECT max(seq) FROM audit), 0)) AS seq FROM audit_trail`;
const APPEND = `INSERT INTO audit (${CHAINED_COLUMNS.join(", ")}, chain, seq)
  VALUES (${"?, ".repeat(CHAINED_COLUMNS.length)}?, ?)`;

const NAME = "INSERT INTO audit_clients (client_id, seq) VALUES (?, ?)";

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
  const name = db.prepare(NAME);
  return (draft, action, clientId, details) => {
    const columns = auditColumns(draft, action, clientId, details);
    const { chain = null, seq } = last.get() ?? {};
    const value = chainValue(chain as string | null, columns);
    const next = Number(seq) + 1;
    append.run(...columns, value, next);
    for (const client of namedClients(details)) name.run(client, next);
  };
}

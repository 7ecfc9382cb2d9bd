import { createHash } from "node:crypto";
import type { AuditVerdict } from "@accredit/core/ports";
import type { Column } from "./writer-protocol.ts";

/** The columns of an audit row that its chain value is made over, as they are stored, in this order. */
export const CHAINED_COLUMNS = [
  "id",
  "time",
  "code",
  "reasons",
  "rule",
  "credential",
  "remote",
  "details",
  "action",
  "client_id",
] as const;

const DETAILS = CHAINED_COLUMNS.indexOf("details");

/**
 * The columns of an audit row: those that the caller knew, and what the outcome decided. Texts are as a database
 * gives them back, without lone surrogates, or the chain would not hold over what was read.
 */
export function auditColumns(
  draft: readonly Column[],
  action: string,
  clientId: string | null,
  details?: Readonly<Record<string, unknown>>,
): readonly Column[] {
  const columns = [...draft, action, clientId];
  if (details !== undefined) columns[DETAILS] = JSON.stringify(details);
  return columns.map((value) =>
    typeof value === "string" ? value.toWellFormed() : value,
  );
}

/**
 * The chain value of an audit row: SHA-256, in hex, over the value of the row before and every column of
 * this one. Whoever changes, removes or slips in a row has to change every row after it.
 */
export function chainValue(
  previous: string | null,
  columns: readonly (string | number | null)[],
): string {
  return createHash("sha256")
    .update(JSON.stringify([previous, ...columns]))
    .digest("hex");
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

/** The verdict with one row more: `seq`, `chain` and {@link CHAINED_COLUMNS} as they are stored. */
export function verifyRow(
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

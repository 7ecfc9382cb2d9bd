import { createHash } from "node:crypto";

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

import { createHash } from "node:crypto";
import type {
  AuditPlace,
  AuditSection,
  AuditVerdict,
} from "@accredit/core/ports";
import type { Row } from "./records.ts";
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

/** The clients that a row of no one client names in its details: many, or the one that a suspension is of. */
export function namedClients(
  details: Readonly<Record<string, unknown>> | undefined,
): readonly string[] {
  if (details?.["scope"] === "client") return [String(details["value"])];
  const clients = details?.["clients"];
  return Array.isArray(clients) ? [...new Set(clients.map(String))] : [];
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

/** What a database itself says of its trail, beside the rows. */
export interface TrailAccount {
  /** The number of the first row that is there; null where there is none. */
  readonly first: number | null;
  /** The row that was written last; sequence 0 where none was. */
  readonly last: AuditPlace;
  /** The last row from before the chain began, 0 where it began with the first. */
  readonly unchained: number;
}

/** A row as it is stored: `seq`, `chain` and {@link CHAINED_COLUMNS}. */
export interface TrailRow {
  readonly columns: Row;
  /** Whether it is found under the client that it names. */
  readonly isFiled: boolean;
}

/** Rows of the trail in their order, and the account, both of one moment. */
export interface TrailPage {
  readonly rows: readonly TrailRow[];
  readonly account: TrailAccount;
}

/** Lower than the number of any row, also of one that was put in at the front. */
export const BEFORE_ALL = Number.MIN_SAFE_INTEGER;

/** The verdict on no row at all, after a place in the trail or at its beginning. */
export function nothingVerified({ after, head }: AuditSection): AuditVerdict {
  return {
    rows: 0,
    unchained: 0,
    sequence: after?.sequence ?? 0,
    head: after?.chain ?? null,
    complete: false,
    anchored: head === undefined || after?.chain === head,
    broken: null,
  };
}

/** The verdict with one page more; one that is shorter than asked is the last. */
export function verifyPage(
  sofar: AuditVerdict,
  page: TrailPage | undefined,
  asked: number,
  head: string | undefined,
): AuditVerdict {
  if (page === undefined)
    return broken(
      sofar,
      sofar.sequence + 1,
      null,
      "expected the database to say where the trail ends, got nothing",
    );
  const { rows, account } = page;
  const { first, last } = account;
  if (first !== null && first !== 1)
    return broken(sofar, first, null, `expected row 1 first, got row ${first}`);
  let verdict = sofar;
  for (const row of rows) {
    if (verdict.broken !== null) return verdict;
    verdict = verifyRow(verdict, row, account);
    if (verdict.head === head) verdict = { ...verdict, anchored: true };
  }
  if (verdict.broken !== null || rows.length >= asked) return verdict;
  const { sequence } = verdict;
  if (sequence === last.sequence && verdict.head === last.chain)
    return { ...verdict, complete: true };
  const where = Math.min(sequence, last.sequence - 1) + 1;
  return broken(
    verdict,
    where,
    null,
    sequence === last.sequence
      ? `expected the trail to end with another row ${sequence}: the database says which chain value was written last`
      : `expected the trail to end with row ${last.sequence}, which was written last, got row ${sequence}`,
  );
}

function verifyRow(
  sofar: AuditVerdict,
  { columns: row, isFiled }: TrailRow,
  { unchained }: TrailAccount,
): AuditVerdict {
  const sequence = Number(row["seq"]);
  const id = String(row["id"]);
  const expected = sofar.sequence + 1;
  if (sequence !== expected)
    return broken(
      sofar,
      sequence,
      id,
      `expected row ${expected} here, got row ${sequence}`,
    );
  if (!isFiled)
    return broken(
      sofar,
      sequence,
      id,
      "expected to find it under the client that it names, got another",
    );
  const { chain } = row;
  const progress = { ...sofar, sequence, rows: sofar.rows + 1 };
  // Rows from before the chain come first and carry no value.
  if (chain === null && sequence <= unchained)
    return { ...progress, unchained: sofar.unchained + 1 };
  const columns = CHAINED_COLUMNS.map((name) => row[name] as Column);
  if (chainValue(sofar.head, columns) === chain)
    return { ...progress, head: chain };
  return broken(
    sofar,
    sequence,
    id,
    chain === null
      ? "expected a chain value, got none"
      : "expected the chain value over it and the row before, got another: one of the two is not what was written",
  );
}

function broken(
  sofar: AuditVerdict,
  sequence: number,
  id: string | null,
  reason: string,
): AuditVerdict {
  return { ...sofar, broken: { sequence, id, reason } };
}

/** Where the verdict on what follows a place begins: nowhere, where that row is not there as it was. */
export function checkPlace(
  section: AuditSection,
  found: AuditPlace | undefined,
): AuditVerdict {
  const verdict = nothingVerified(section);
  const { after } = section;
  if (after === undefined || found?.chain === after.chain) return verdict;
  return broken(
    verdict,
    after.sequence,
    null,
    found === undefined
      ? `expected row ${after.sequence} to be there, got none`
      : `expected row ${after.sequence} to have the given chain value, got another`,
  );
}

import { withdrawnSubjects } from "@accredit/core/withdrawal";
import type { Row } from "./records.ts";

/**
 * For how long a sweep leaves a suspended client whose lease is over, in seconds, before it comes to it again: once
 * it is resumed, its lease ends within that time unless it is renewed.
 */
export const SUSPENDED_FOR = 3600;

/**
 * Tells the suspended clients of a sweep from the others: those that the database says `is_suspended` of, which
 * looked at names alone, and those that one of the patterns hits.
 */
export function splitSuspended(
  rows: readonly Row[],
  patterns: readonly Row[],
): { readonly suspended: readonly Row[]; readonly others: readonly Row[] } {
  if (rows.length === 0) return { suspended: [], others: [] };
  const withdrawn = patterns.map(({ value }) =>
    withdrawnSubjects(String(value)),
  );
  const { suspended = [], others = [] } = Object.groupBy(rows, (row) =>
    Boolean(row["is_suspended"]) ||
    withdrawn.some(({ has }) => has(String(row["subject"])))
      ? "suspended"
      : "others",
  );
  return { suspended, others };
}

import type { Row } from "../lib/records.ts";

/** PostgreSQL's text holds every character but NUL. It is stored as two others, and they as theirs. */
const MARK = "\u0001";
const NUL_STORED = `${MARK}0`;
const MARK_STORED = `${MARK}1`;

/** A text as it is stored; equal texts stay equal, others stay others. */
export function storedText(text: string): string {
  return text.replaceAll(MARK, MARK_STORED).replaceAll("\0", NUL_STORED);
}

/** A row with its texts as they were before they were stored. */
export function readRow(row: Readonly<Record<string, unknown>>): Row {
  for (const value of Object.values(row))
    if (typeof value === "string" && value.includes(MARK))
      return Object.fromEntries(
        Object.entries(row).map(([name, each]) => [
          name,
          typeof each === "string" ? readText(each) : each,
        ]),
      );
  return row;
}

function readText(text: string): string {
  return text.replaceAll(NUL_STORED, "\0").replaceAll(MARK_STORED, MARK);
}

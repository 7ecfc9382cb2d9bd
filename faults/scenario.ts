/** What one way of failing did. */
export interface Outcome {
  readonly name: string;
  /** What was done to the server, like `5 kills`. */
  readonly faults: string;
  /** Registrations that were answered with 201, and what else was said to be done. */
  readonly acknowledged: number;
  /** Of what was acknowledged, what is not there afterwards, or is there twice. */
  readonly lost: number;
  /** Everything that did not hold, one sentence each; empty is what we want. */
  readonly problems: readonly string[];
}

/** One way of failing. `short` is the form for every change: fewer rounds of the same. */
export type Scenario = (options: {
  readonly directory: string;
  readonly short: boolean;
}) => Promise<Outcome>;

/** The outcomes as one table. */
export function formatOutcomes(outcomes: readonly Outcome[]): string {
  const header = ["scenario", "faults", "acknowledged", "lost", "verdict"];
  const rows = outcomes.map((each) => [
    each.name,
    each.faults,
    String(each.acknowledged),
    String(each.lost),
    each.problems.length === 0 ? "holds" : "FAILS",
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  const dashes = widths.map((width) => "-".repeat(width));
  return [header, dashes, ...rows].map((row) => line(row).trimEnd()).join("\n");
}

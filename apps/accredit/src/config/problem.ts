/** One thing wrong with a configuration: where, what came and what was expected. ASCII throughout. */
export interface ConfigProblem {
  /** The key's path, like `trust[0].bundle.file`; empty for the file as a whole. */
  readonly path: string;
  readonly problem: string;
  readonly expected: string;
}

/** A configuration that cannot be used, with all that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly ConfigProblem[];

  constructor(
    problems: readonly ConfigProblem[],
    options?: { readonly cause?: unknown },
  ) {
    const lines = problems.map(
      ({ path, problem, expected }) =>
        `${path === "" ? "(file)" : path}: ${problem}; expected ${expected}`,
    );
    super(`the configuration is invalid: ${lines.join(" | ")}`, options);
    this.problems = problems;
  }
}

/** Where a value stands in the file: keys and list positions. */
export type KeyPath = readonly PropertyKey[];

const MAX_QUOTED = 80;

/** Writes a path as `trust[0].bundle.file`. */
export function formatPath(path: KeyPath): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      return `${index === 0 ? "" : "."}${printable(String(part))}`;
    })
    .join("");
}

/** Text from the file, made fit for a message: printable ASCII, short, and without a URL's password. */
export function printable(text: string): string {
  const shown = text
    .slice(0, MAX_QUOTED * 4)
    .replace(/\/\/.*@/g, "//...@")
    .replace(
      /[^\x20-\x7e]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  return shown.length > MAX_QUOTED ? `${shown.slice(0, MAX_QUOTED)}...` : shown;
}

/** Says what came, for the `problem` of a value. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "has no value";
  if (typeof value === "string") return `is '${printable(value)}'`;
  if (typeof value === "number" || typeof value === "boolean") {
    return `is the ${typeof value} ${String(value)}`;
  }
  return Array.isArray(value) ? "is a list" : "is a mapping";
}

import type { ConfigProblem, KeyPath } from "./problem.ts";

/** Something that configurations may say and this version does not serve; it stands in for what is below it. */
export interface Unserved extends Omit<ConfigProblem, "path"> {
  readonly path: KeyPath;
  /** The part of the file that makes no sense without it; the schema's problems there are noise. */
  readonly covers: KeyPath;
}

/** Finds what this version does not serve, in a file that may be wrong in any other way. */
export function findUnserved(file: unknown): readonly Unserved[] {
  const found: Unserved[] = [];
  const url = member(member(file, "store"), "url");
  if (typeof url === "string" && /^postgres(ql)?:/.test(url)) {
    found.push({
      path: ["store", "url"],
      covers: ["store", "url"],
      problem: "names PostgreSQL, which this version does not serve",
      expected: "sqlite: and a file path, like sqlite:./data/accredit.db",
    });
  }
  return found;
}

function member(value: unknown, key: string): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return undefined;
  return Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

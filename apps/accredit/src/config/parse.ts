import type { z } from "zod";
import { buildConfig } from "./build.ts";
import { parseText } from "./document.ts";
import { nearestName } from "./nearest-name.ts";
import { readParts } from "./parts.ts";
import {
  ConfigError,
  describeValue,
  formatPath,
  type ConfigProblem,
  type KeyPath,
} from "./problem.ts";
import { crossRuleProblems } from "./rules.ts";
import { configSchema } from "./schema.ts";
import type { Config } from "./types.ts";

const MAX_PROBLEMS = 100;

/**
 * Parses the text of a configuration. Pure: the files it names are not looked at.
 *
 * @param options.baseDir - where relative paths start
 * @throws {ConfigError} with every problem at once
 */
export function parseConfig(
  text: string,
  options: { readonly baseDir: string },
): Config {
  const file = parseText(text);
  const result = configSchema.safeParse(file);
  const located = [
    ...(result.success
      ? []
      : result.error.issues.flatMap((issue) => toProblems(issue, file))),
    ...crossRuleProblems(readParts(file)),
  ];
  const problems = located.map(({ path, problem, expected }) => ({
    path: formatPath(path),
    problem,
    expected,
  }));
  if (!result.success || problems.length > 0)
    throw new ConfigError(reported(problems));
  return buildConfig(result.data, options.baseDir);
}

interface LocatedProblem extends Omit<ConfigProblem, "path"> {
  readonly path: KeyPath;
}

/** The schema's error text is what was expected; for unknown keys it is the list of known ones. */
function toProblems(
  issue: z.core.$ZodIssue,
  file: unknown,
): readonly LocatedProblem[] {
  if (issue.code !== "unrecognized_keys") {
    return [
      {
        path: issue.path,
        problem: describeProblem(file, issue.path),
        expected: issue.message,
      },
    ];
  }
  return issue.keys.map((key) => {
    const near = nearestName(key, issue.message.split(", "));
    return {
      path: [...issue.path, key],
      problem: "unknown key",
      expected:
        near === undefined
          ? `one of ${issue.message}`
          : `'${near}', or another of ${issue.message}`,
    };
  });
}

function valueAt(file: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      value !== null && typeof value === "object" && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    file,
  );
}

/** Each problem once, and no more than someone reads. */
function reported(
  problems: readonly ConfigProblem[],
): readonly ConfigProblem[] {
  const once = [
    ...new Map(
      problems.map((problem) => [JSON.stringify(problem), problem]),
    ).values(),
  ];
  if (once.length <= MAX_PROBLEMS) return once;
  return [
    ...once.slice(0, MAX_PROBLEMS),
    {
      path: "",
      problem: `has ${once.length - MAX_PROBLEMS} more problems`,
      expected: "those above to be fixed first",
    },
  ];
}

/** A file that is text as a whole may be a token or a key handed over by mistake: it is not shown. */
function describeProblem(file: unknown, path: KeyPath): string {
  return path.length === 0 && typeof file === "string"
    ? "is plain text"
    : describeValue(valueAt(file, path));
}

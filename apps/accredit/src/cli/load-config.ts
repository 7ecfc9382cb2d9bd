import {
  checkFiles,
  ConfigError,
  loadConfig,
  type Config,
  type ConfigProblem,
} from "../config/index.ts";
import { CommandError } from "./io.ts";

/** The problems of a configuration, one line each, as `serve` and `config check` print them. */
export function describeProblems(
  file: string,
  problems: readonly ConfigProblem[],
): string {
  const lines = problems.map(
    ({ path, problem, expected }) =>
      `  ${path === "" ? "(file)" : path}: ${problem}; expected ${expected}`,
  );
  const count =
    problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return [`${file}: ${count}`, ...lines].join("\n");
}

/**
 * Loads a configuration and checks the files it names; what is worth knowing of either is in `notices`.
 *
 * @throws {CommandError} with every problem and exit code 2
 */
export async function loadCheckedConfig(file: string): Promise<Config> {
  try {
    const config = await loadConfig(file);
    const notices = await checkFiles(config);
    return { ...config, notices: [...config.notices, ...notices] };
  } catch (error) {
    if (error instanceof ConfigError) {
      throw new CommandError(describeProblems(file, error.problems), 2, {
        cause: error,
      });
    }
    throw error;
  }
}

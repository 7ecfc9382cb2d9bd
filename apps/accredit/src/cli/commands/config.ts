import { Command } from "commander";
import { print, type Io } from "../io.ts";

/** `accredit config`: checks a configuration file, or prints the schema of one. */
export function configCommand(io: Io): Command {
  const command = new Command("config")
    .summary("check a configuration file")
    .helpCommand(false);
  command
    .command("check")
    .summary("check a configuration file and the files it names")
    .argument("<file>", "configuration file, YAML or JSON")
    .option("--json", "print JSON")
    .action(
      async (
        file: string,
        options: { readonly json?: boolean },
        self: Command,
      ) => check(file, options.json === true, self, io),
    );
  command
    .command("schema")
    .summary("print the JSON Schema of the configuration file")
    .option("--json", "accepted everywhere; the schema is JSON anyway")
    .action(async () => {
      const { configJsonSchema } = await import("../../config/index.ts");
      print(io, true, configJsonSchema(), []);
    });
  return command;
}

async function check(
  file: string,
  json: boolean,
  self: Command,
  io: Io,
): Promise<void> {
  const { checkFiles, ConfigError, loadConfig } =
    await import("../../config/index.ts");
  const { describeProblems } = await import("../load-config.ts");
  try {
    const config = await loadConfig(file);
    const notices = [...config.notices, ...(await checkFiles(config))];
    print(io, json, { valid: true, problems: [], notices }, [
      `${file}: valid`,
      ...notices.map((notice) => `  note: ${notice}`),
    ]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = error;
    if (json) print(io, true, { valid: false, problems, notices: [] }, []);
    else io.err(`${describeProblems(file, problems)}\n`);
    self.error("", { exitCode: 2, code: "config.invalid" });
  }
}

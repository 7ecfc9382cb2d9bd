import { Command, CommanderError } from "commander";
import { CommandError, type Io } from "./io.ts";

type MakeCommand = (io: Io) => Command;

/** Every command by its name, in the order of `--help`; each is loaded when it is wanted, with what it needs. */
const COMMANDS: ReadonlyMap<string, () => Promise<MakeCommand>> = new Map([
  ["serve", async () => (await import("./commands/serve.ts")).serveCommand],
  [
    "quickstart",
    async () => (await import("./commands/quickstart.ts")).quickstartCommand,
  ],
  ["dev", async () => (await import("./commands/dev.ts")).devCommand],
  ["config", async () => (await import("./commands/config.ts")).configCommand],
  [
    "migrate",
    async () => (await import("./commands/migrate.ts")).migrateCommand,
  ],
  ["backup", async () => (await import("./commands/backup.ts")).backupCommand],
  [
    "explain",
    async () => (await import("./commands/explain.ts")).explainCommand,
  ],
  [
    "register",
    async () => (await import("./commands/register.ts")).registerCommand,
  ],
  ["token", async () => (await import("./commands/token.ts")).tokenCommand],
  [
    "clients",
    async () => (await import("./commands/clients.ts")).clientsCommand,
  ],
  [
    "issuers",
    async () => (await import("./commands/issuers.ts")).issuersCommand,
  ],
  ["audit", async () => (await import("./commands/audit.ts")).auditCommand],
]);

/**
 * Runs the command line and returns its exit code: 0 done, 1 refused or failed, 2 used wrongly or
 * configured wrongly.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const program = new Command("accredit")
    .description(
      "OAuth client registration with the credential a workload already has.",
    )
    .helpCommand(false);
  for (const load of wanted(argv[0])) program.addCommand((await load())(io));
  configureOutput(program, io);

  try {
    await program.parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof CommandError) {
      io.err(`accredit: ${error.message}\n`);
      return error.exitCode;
    }
    io.err(`accredit: ${describeFailure(error)}\n`);
    return 1;
  }
}

/** The command that is named; all of them where none is, for the help and for the nearest name. */
function wanted(
  name: string | undefined,
): readonly (() => Promise<MakeCommand>)[] {
  const named = name === undefined ? undefined : COMMANDS.get(name);
  return named === undefined ? [...COMMANDS.values()] : [named];
}

/** What the world did is told in a sentence (a port in use, a store that will not open); a fault of ours with its stack. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const ours =
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError;
  return ours ? (error.stack ?? error.message) : error.message;
}

/** Makes every command throw instead of ending the process, and print where it is told. */
function configureOutput(command: Command, io: Io): void {
  command
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err });
  for (const child of command.commands) configureOutput(child, io);
}

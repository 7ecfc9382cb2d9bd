import { Command, CommanderError } from "commander";
import { auditCommand } from "./commands/audit.ts";
import { clientsCommand } from "./commands/clients.ts";
import { configCommand } from "./commands/config.ts";
import { devCommand } from "./commands/dev.ts";
import { explainCommand } from "./commands/explain.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { issuersCommand } from "./commands/issuers.ts";
import { quickstartCommand } from "./commands/quickstart.ts";
import { registerCommand } from "./commands/register.ts";
import { serveCommand } from "./commands/serve.ts";
import { tokenCommand } from "./commands/token.ts";
import { CommandError, type Io } from "./io.ts";

/**
 * Runs the command line and returns its exit code: 0 done, 1 refused or failed, 2 used wrongly or
 * configured wrongly.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const program = new Command("accredit")
    .description(
      "OAuth client registration with the credential a workload already has.",
    )
    .helpCommand(false)
    .addCommand(serveCommand(io))
    .addCommand(quickstartCommand(io))
    .addCommand(devCommand(io))
    .addCommand(configCommand(io))
    .addCommand(migrateCommand(io))
    .addCommand(explainCommand(io))
    .addCommand(registerCommand(io))
    .addCommand(tokenCommand(io))
    .addCommand(clientsCommand(io))
    .addCommand(issuersCommand(io))
    .addCommand(auditCommand(io));
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

import { resolve } from "node:path";
import { Command } from "commander";
import { CommandError, print, type Io } from "../io.ts";

interface BackupOptions {
  readonly config: string;
  readonly to: string;
  readonly json?: boolean;
}

/** `accredit backup`: copies a SQLite database that a server may be using. */
export function backupCommand(io: Io): Command {
  return new Command("backup")
    .summary("copy the SQLite database while the server runs")
    .description(
      "Writes what the SQLite database of the configuration holds now into a new file, whole or not at all, while the server goes on. The file holds signing keys: it is readable by its owner alone, and has to stay so. Prints the last row of the audit trail in it, to be kept elsewhere and given to `accredit audit verify --after`. For PostgreSQL use its own tools.",
    )
    .requiredOption("--config <file>", "configuration file, YAML or JSON")
    .requiredOption("--to <file>", "the new file")
    .option("--json", "print JSON")
    .action((options: BackupOptions) => backUp(options, io));
}

async function backUp(
  { config, to, json }: BackupOptions,
  io: Io,
): Promise<void> {
  const { loadCheckedConfig } = await import("../load-config.ts");
  const { backUpSqlite } = await import("@accredit/store");
  const { store } = await loadCheckedConfig(config);
  if (store.kind !== "sqlite")
    throw new CommandError(
      "expected a configuration whose store.url names a SQLite file, got PostgreSQL: use pg_dump or a base backup",
      2,
    );
  const target = resolve(to);
  try {
    const { bytes, place } = backUpSqlite(store.path, target);
    const after =
      typeof place?.chain === "string"
        ? `${place.sequence}:${place.chain}`
        : null;
    print(io, json === true, { file: target, bytes, after }, [
      `wrote ${target}: ${bytes} bytes`,
      ...(after === null ? [] : [`after = ${after}`]),
    ]);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new CommandError(
      `the database was not backed up: ${error.message}`,
      1,
      { cause: error },
    );
  }
}

import { Command } from "commander";
import { print, type Io } from "../io.ts";

/** `accredit migrate`: brings the database to this release's schema and ends. */
export function migrateCommand(io: Io): Command {
  return new Command("migrate")
    .summary("bring the database to this release's schema")
    .description(
      "Brings the database to this release's schema, making it where it is new, and ends. The server does the same when it starts; by itself it lets a role migrate that may do more than the server's. Nodes of the release before go on meanwhile where the schema only grows.",
    )
    .requiredOption("--config <file>", "configuration file, YAML or JSON")
    .option("--json", "print JSON")
    .action(
      async (options: { readonly config: string; readonly json?: boolean }) => {
        const { loadCheckedConfig } = await import("../load-config.ts");
        const { openStore } = await import("../../serve/open-store.ts");
        const { systemClock } = await import("../../serve/system-clock.ts");
        const { store: at } = await loadCheckedConfig(options.config);
        const store = await openStore(at, systemClock, () => {});
        await store.close();
        const kind = at.kind;
        print(io, options.json === true, { migrated: true, store: kind }, [
          `The ${kind} database has this release's schema.`,
        ]);
      },
    );
}

import { Command } from "commander";
import { CommandError, type Io } from "../io.ts";
import { stopped } from "../stopped.ts";

/** `accredit serve`: runs the server until it is told to stop. */
export function serveCommand(io: Io): Command {
  return new Command("serve")
    .summary("run the server")
    .description(
      "Runs the server; logs one JSON line per event on stdout; SIGTERM or Ctrl-C stops it cleanly.",
    )
    .requiredOption("--config <file>", "configuration file, YAML or JSON")
    .option("--json", "accepted everywhere; the log is JSON anyway")
    .action(async ({ config: file }: { readonly config: string }) => {
      // Loaded when the command runs: the other commands start faster without the server.
      const { loadCheckedConfig } = await import("../load-config.ts");
      const { createLog } = await import("../../serve/log.ts");
      const { runServer } = await import("../../serve/run-server.ts");
      const config = await loadCheckedConfig(file);
      const { log, close: closeLog } = createLog(config.log.level);
      let reason: string | undefined;
      try {
        for (const notice of config.notices)
          log.warn({ notice }, "configuration notice");
        const server = await runServer(config, log);
        log.info(
          {
            issuer: config.issuer,
            port: server.publicPort,
            admin_port: server.adminPort,
          },
          "listening",
        );
        reason = await Promise.race([
          stopped(io.signal).then(() => undefined),
          server.broken,
        ]);
        log.info({ reason: reason ?? String(io.signal.reason) }, "stopping");
        await server.close();
        log.info({}, "stopped");
      } finally {
        await closeLog();
      }
      if (reason !== undefined) {
        throw new CommandError(`the store failed: ${reason}`);
      }
    });
}

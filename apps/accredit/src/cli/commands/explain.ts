import { Command } from "commander";
import type { JsonObject } from "@accredit/core/json";
import type { Explanation } from "@accredit/core/registration";
import { DEFAULT_ADMIN, type AdminOptions } from "../admin-client.ts";
import { explainPast } from "./audit.ts";
import { systemClock } from "../../serve/system-clock.ts";
import { CommandError, print, type Io } from "../io.ts";
import { parseMetadata, readStatementFile } from "../registration-input.ts";

interface ExplainOptions extends AdminOptions {
  readonly config?: string;
  readonly id?: string;
  readonly statement?: string;
  readonly statementFile?: string;
  readonly metadata?: string;
}

/** What decides on a registration beside the statement and the policy: of the request, and of the running server. */
const NOT_CHECKED = [
  "proof of possession",
  "suspensions",
  "quotas",
  "rates",
  "keys of a client that is there",
];

/** `accredit explain`: says what a registration would come to, and why; registers nothing. */
export function explainCommand(io: Io): Command {
  return new Command("explain")
    .summary("say what a registration would come to, and why")
    .description(
      "Runs every check and policy rule on a statement with the keys the configuration names, and registers nothing. It does not ask the server, which may still refuse for what a statement does not show: whether the request proves possession of the key that the statement is bound to, suspensions, quotas, rates, and the keys of a client that is there. Exit code 0: credential and policy allow it; 1: refused; 2: used wrongly.",
    )
    .option("--config <file>", "configuration file of the server")
    .option(
      "--id <id>",
      "explain a past decision instead: the X-Request-Id of its response, or the id of its audit row",
    )
    .option(
      "--admin <url>",
      "the server's admin listener, for --id",
      DEFAULT_ADMIN,
    )
    .option("--token-file <file>", "file with the admin bearer token, for --id")
    .option("--statement <jwt>", "the software statement")
    .option(
      "--statement-file <file>",
      "read the statement from a file, which keeps it out of the process list",
    )
    .option(
      "--metadata <json>",
      "client metadata the request would carry, a JSON object",
    )
    .option("--json", "print JSON")
    .action(async (options: ExplainOptions) => explain(options, io));
}

async function explain(options: ExplainOptions, io: Io): Promise<void> {
  if (options.id !== undefined) {
    await explainPast(options.id, options, io);
    return;
  }
  if (options.config === undefined)
    throw new CommandError("expected --config, or --id of a past decision", 2);
  const { explainRegistration } = await import("@accredit/core/registration");
  const { registrationSettings } = await import("@accredit/server");
  const { openTrust } = await import("../../serve/trust.ts");
  const { serverSettings } = await import("../../serve/settings.ts");
  const { loadCheckedConfig } = await import("../load-config.ts");
  const statement = await readStatement(options);
  const body: JsonObject = {
    ...parseMetadata(options.metadata),
    software_statement: statement,
  };
  const config = await loadCheckedConfig(options.config);
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const trust = openTrust(config, log);
  try {
    await trust.start();
    const explanation = await explainRegistration(
      body,
      registrationSettings(serverSettings(config)),
      {
        now: systemClock.now(),
        trust: trust.source,
        statuses: trust.statuses,
      },
    );
    print(
      io,
      options.json === true,
      { ...explanation, not_checked: NOT_CHECKED },
      describe(explanation),
    );
    if (!explanation.allowed)
      throw new CommandError("the registration would be refused");
  } finally {
    await trust.close();
  }
}

function describe({
  allowed,
  checks,
  rules,
  reasons,
  metadata,
  provenance,
}: Explanation): string[] {
  return [
    "credential",
    ...checks.map(
      ({ check, verdict, detail, requirement }) =>
        `  ${verdict}  ${check} (${requirement}): ${detail}`,
    ),
    ...(rules.length === 0 ? [] : ["policy"]),
    ...rules.map(
      ({ rule, matched, why }) =>
        `  ${matched ? "match" : "skip "}  ${rule}: ${why}`,
    ),
    ...(reasons.length === 0 ? [] : ["reasons"]),
    ...reasons.map(
      ({ code, field, message }) => `  ${field} (${code}): ${message}`,
    ),
    ...(metadata === undefined ? [] : ["client"]),
    ...Object.entries(metadata ?? {}).map(
      ([name, value]) =>
        `  ${name} = ${typeof value === "string" ? value : JSON.stringify(value)}  [${provenance?.[name] ?? "?"}]`,
    ),
    `not looked at: ${NOT_CHECKED.join(", ")}`,
    allowed ? "allowed" : "refused",
  ];
}

async function readStatement({
  statement,
  statementFile,
}: ExplainOptions): Promise<string> {
  if ((statement === undefined) === (statementFile === undefined)) {
    throw new CommandError(
      "expected one of --statement and --statement-file",
      2,
    );
  }
  if (statementFile === undefined) return statement ?? "";
  return readStatementFile(statementFile);
}

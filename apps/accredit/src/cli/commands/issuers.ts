import { Command } from "commander";
import {
  adminClient,
  segment,
  show,
  showTime,
  table,
  withAdminOptions,
  type AdminOptions,
} from "../admin-client.ts";
import { CommandError, print, type Io } from "../io.ts";

interface SuspendOptions extends AdminOptions {
  readonly reason?: string;
  readonly yes?: boolean;
  readonly rule?: boolean;
  readonly subject?: boolean;
}

/** `accredit issuers`: the trust sources, and withdrawing what they vouched for. */
export function issuersCommand(io: Io): Command {
  const command = new Command("issuers").description(
    "Lists and refreshes trust sources, and suspends what they vouched for, over the server's admin API.",
  );
  command.addCommand(
    withAdminOptions(
      new Command("list").description(
        "Lists the trust sources of the configuration and every suspension in force.",
      ),
    ).action(async (options: AdminOptions) => list(options, io)),
  );
  command.addCommand(
    withAdminOptions(
      new Command("refresh").description(
        "Reads the keys of a trust source anew, now.",
      ),
    )
      .argument("<name>")
      .action(async (name: string, options: AdminOptions) => {
        const call = await adminClient(options, io);
        const issuer = await call("POST", `/issuers/${segment(name)}/refresh`);
        print(io, options.json === true, issuer, issuerTable([issuer]));
      }),
  );
  command.addCommand(
    withTarget(
      withAdminOptions(
        new Command("suspend").description(
          "Suspends a trust domain, an issuer, a policy rule or a pattern of SPIFFE IDs: no new tokens, and introspection says inactive, on every node from the next request on. Shows first how many clients it hits, and does nothing without --yes.",
        ),
      ),
    )
      .option("--reason <text>", "why, for the audit trail")
      .option("--yes", "suspend, instead of only showing what would be hit")
      .action(async (value: string, options: SuspendOptions) =>
        suspend(value, options, io),
      ),
  );
  command.addCommand(
    withTarget(
      withAdminOptions(
        new Command("resume").description(
          "Lifts a suspension: its clients work as before.",
        ),
      ),
    ).action(async (value: string, options: SuspendOptions) => {
      const call = await adminClient(options, io);
      const path = `/suspensions/${scopeOf(options)}/${segment(value)}`;
      await call("DELETE", path);
      print(io, options.json === true, { resumed: value }, [
        `resumed ${value}`,
      ]);
    }),
  );
  return command;
}

function withTarget(command: Command): Command {
  return command
    .argument("<name>", "a trust domain or issuer, unless an option says more")
    .option("--rule", "the name is that of a policy rule")
    .option("--subject", "the name is a pattern of SPIFFE IDs, or a subject");
}

function scopeOf({ rule, subject }: SuspendOptions): string {
  if (rule === true && subject === true)
    throw new CommandError("expected --rule or --subject, got both", 2);
  if (rule === true) return "rule";
  return subject === true ? "subject" : "trust";
}

async function suspend(
  value: string,
  options: SuspendOptions,
  io: Io,
): Promise<void> {
  const call = await adminClient(options, io);
  const scope = scopeOf(options);
  const path = `/suspensions/${scope}/${segment(value)}`;
  if (scope === "trust") requireKnown(value, await call("GET", "/issuers"));
  if (options.yes !== true) {
    const preview = await call("GET", `${path}/preview`);
    print(io, options.json === true, { ...preview, suspended: false }, [
      `would suspend ${hits(preview)} of ${scope} ${value}`,
      "nothing was changed; say --yes to suspend",
    ]);
    return;
  }
  const { reason = "" } = options;
  const set = await call("PUT", path, { reason });
  print(io, options.json === true, { ...set, suspended: true }, [
    `suspended ${hits(set)} of ${scope} ${value}`,
  ]);
}

function hits({ clients, complete }: Record<string, unknown>): string {
  return `${complete === false ? "at least " : ""}${show(clients)} clients`;
}

function requireKnown(
  value: string,
  { issuers }: Record<string, unknown>,
): void {
  const names = (issuers as { name: string }[]).map(({ name }) => name);
  if (names.includes(value)) return;
  throw new CommandError(
    `expected one of ${names.join(", ") || "the trust sources, of which there are none"}, got ${value}; for a rule say --rule, for SPIFFE IDs --subject`,
  );
}

async function list(options: AdminOptions, io: Io): Promise<void> {
  const call = await adminClient(options, io);
  const { issuers } = await call("GET", "/issuers");
  const { suspensions } = await call("GET", "/suspensions");
  const withdrawn = suspensions as Record<string, unknown>[];
  print(io, options.json === true, { issuers, suspensions }, [
    ...issuerTable(issuers as Record<string, unknown>[]),
    ...(withdrawn.length === 0 ? [] : ["", "suspended"]),
    ...withdrawn.map(
      ({ scope, value, reason, since }) =>
        `  ${show(scope)} ${show(value)} since ${showTime(since)}: ${show(reason)}`,
    ),
  ]);
}

function issuerTable(
  issuers: readonly Record<string, unknown>[],
): readonly string[] {
  return table(
    ["NAME", "READY", "KEYS", "CLIENTS", "SUSPENDED", "LAST READ", "PROBLEM"],
    issuers.map((issuer) => [
      show(issuer["name"]),
      issuer["ready"] === true ? "yes" : "no",
      show(issuer["keys"]),
      show(issuer["clients"]),
      issuer["suspended"] === true ? "yes" : "no",
      showTime(issuer["last_success"]),
      show(issuer["last_error"]),
    ]),
  );
}

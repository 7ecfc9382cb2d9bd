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
import { print, type Io } from "../io.ts";
import { readCount } from "../number-option.ts";

interface ListOptions extends AdminOptions {
  readonly trust?: string;
  readonly rule?: string;
  readonly subject?: string;
  readonly limit?: number;
}

interface SuspendOptions extends AdminOptions {
  readonly reason?: string;
}

/** Clients of a page that `list` asks for at a time. */
const PAGE = 500;

/** `accredit clients`: what is registered, and what becomes of it. */
export function clientsCommand(io: Io): Command {
  const command = new Command("clients").description(
    "Lists, shows, suspends, resumes and deletes registered clients, over the server's admin API.",
  );
  command.addCommand(
    withAdminOptions(
      new Command("list").description("Lists clients, oldest first."),
    )
      .option("--trust <name>", "only of this trust domain or issuer")
      .option("--rule <name>", "only of this policy rule")
      .option("--subject <id>", "only of this subject, exactly")
      .option("--limit <n>", "at most this many", readCount)
      .action(async (options: ListOptions) => list(options, io)),
  );
  const one = (name: string, description: string): Command =>
    withAdminOptions(new Command(name).description(description)).argument(
      "<client_id>",
    );
  command.addCommand(
    one("show", "Shows one client and whether it stands.").action(
      async (id: string, options: AdminOptions) => {
        const call = await adminClient(options, io);
        const client = await call("GET", `/clients/${segment(id)}`);
        print(io, options.json === true, client, describe(client));
      },
    ),
  );
  command.addCommand(
    one("suspend", "Suspends a client: it gets nothing until it is resumed.")
      .option("--reason <text>", "why, for the audit trail")
      .action(async (id: string, options: SuspendOptions) => {
        const call = await adminClient(options, io);
        const { reason = "" } = options;
        // A client that is not there is a typing mistake, not something to suspend ahead of time.
        await call("GET", `/clients/${segment(id)}`);
        const set = await call("PUT", `/suspensions/client/${segment(id)}`, {
          reason,
        });
        print(io, options.json === true, set, [`suspended ${id}`]);
      }),
  );
  command.addCommand(
    one("resume", "Lifts a client's suspension.").action(
      async (id: string, options: AdminOptions) => {
        const call = await adminClient(options, io);
        await call("DELETE", `/suspensions/client/${segment(id)}`);
        print(io, options.json === true, { resumed: id }, [`resumed ${id}`]);
      },
    ),
  );
  command.addCommand(
    one(
      "delete",
      "Deletes a client. It can register again; suspend what must not.",
    ).action(async (id: string, options: AdminOptions) => {
      const call = await adminClient(options, io);
      await call("DELETE", `/clients/${segment(id)}`);
      print(io, options.json === true, { deleted: id }, [`deleted ${id}`]);
    }),
  );
  return command;
}

async function list(options: ListOptions, io: Io): Promise<void> {
  const call = await adminClient(options, io);
  const wanted = options.limit ?? Infinity;
  const clients: Record<string, unknown>[] = [];
  let after: unknown = null;
  do {
    const query = new URLSearchParams({
      limit: String(Math.min(PAGE, wanted - clients.length)),
    });
    for (const name of ["trust", "rule", "subject"] as const)
      if (options[name] !== undefined) query.set(name, options[name]);
    if (typeof after === "number") query.set("after", String(after));
    const page = await call("GET", `/clients?${query.toString()}`);
    clients.push(...(page["clients"] as Record<string, unknown>[]));
    after = page["next"];
  } while (after !== null && clients.length < wanted);
  const shown = clients.slice(0, wanted);
  print(io, options.json === true, { clients: shown }, [
    ...table(
      ["CLIENT", "STANDING", "RULE", "LEASE ENDS"],
      shown.map((client) => [
        show(client["client_id"]),
        show(client["standing"]),
        show(client["rule"]),
        showTime(client["lease_expires_at"]),
      ]),
    ),
    `${shown.length} ${shown.length === 1 ? "client" : "clients"}`,
  ]);
}

function describe(client: Record<string, unknown>): readonly string[] {
  const { metadata, provenance, ...rest } = client;
  const origins = provenance as Record<string, unknown>;
  return [
    ...Object.entries(rest).map(
      ([name, value]) =>
        `${name} = ${name.endsWith("_at") ? showTime(value) : show(value)}`,
    ),
    "metadata",
    ...Object.entries(metadata as Record<string, unknown>).map(
      ([name, value]) => `  ${name} = ${show(value)}  [${show(origins[name])}]`,
    ),
  ];
}

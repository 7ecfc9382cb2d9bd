import { Command } from "commander";
import {
  adminClient,
  segment,
  show,
  showTime,
  withAdminOptions,
  type AdminOptions,
} from "../admin-client.ts";
import { CommandError, print, type Io } from "../io.ts";

interface ListOptions extends AdminOptions {
  readonly client?: string;
  readonly action?: string;
  readonly limit: string;
}

interface VerifyOptions extends AdminOptions {
  readonly head?: string;
}

/** `accredit audit`: what was decided, why, and whether the trail was tampered with. */
export function auditCommand(io: Io): Command {
  const command = new Command("audit").description(
    "Reads and verifies the audit trail, over the server's admin API.",
  );
  command.addCommand(
    withAdminOptions(
      new Command("list").description("Lists decisions, newest first."),
    )
      .option("--client <client_id>", "only of this client")
      .option("--action <action>", "only this action")
      .option("--limit <n>", "at most this many, up to 500", "50")
      .action(async (options: ListOptions) => {
        const call = await adminClient(options, io);
        const query = new URLSearchParams({ limit: options.limit });
        if (options.client !== undefined)
          query.set("client_id", options.client);
        if (options.action !== undefined) query.set("action", options.action);
        const { entries } = await call("GET", `/audit?${query.toString()}`);
        const rows = entries as Record<string, unknown>[];
        print(io, options.json === true, { entries }, rows.map(line));
      }),
  );
  command.addCommand(
    withAdminOptions(
      new Command("show").description(
        "Explains one decision by its id: the X-Request-Id of the response.",
      ),
    )
      .argument("<id>")
      .action(async (id: string, options: AdminOptions) =>
        explainPast(id, options, io),
      ),
  );
  command.addCommand(
    withAdminOptions(
      new Command("verify").description(
        "Reads the whole trail and checks that no row was changed, removed or slipped in. Exit code 1 where one was. Prints the head: keep it elsewhere, and give it as --head later to notice rows cut off the end.",
      ),
    )
      .option(
        "--head <hash>",
        "a head printed before, which must be there still",
      )
      .action(async (options: VerifyOptions) => verify(options, io)),
  );
  return command;
}

/** Explains a past decision by its id: who, by what credential, which rule, and every reason. */
export async function explainPast(
  id: string,
  options: AdminOptions,
  io: Io,
): Promise<void> {
  const call = await adminClient(options, io);
  const row = await call("GET", `/audit/${segment(id)}`);
  print(io, options.json === true, row, describe(row));
}

function line(row: Record<string, unknown>): string {
  const who = show(row["client_id"]);
  const why = row["code"] === null ? "" : `  ${show(row["code"])}`;
  return `${showTime(row["time"])}  ${show(row["action"])}  ${who}${why}  ${show(row["id"])}`;
}

function describe(row: Record<string, unknown>): readonly string[] {
  const { reasons, credential, details, time, ...rest } = row;
  const members = (name: string, value: unknown): readonly string[] =>
    value === null || value === undefined
      ? []
      : [
          name,
          ...Object.entries(value).map(
            ([key, member]) => `  ${key} = ${show(member)}`,
          ),
        ];
  return [
    `time = ${showTime(time)}`,
    ...Object.entries(rest).map(([name, value]) => `${name} = ${show(value)}`),
    ...members("credential", credential),
    ...members("details", details),
    ...((reasons as readonly string[]).length === 0 ? [] : ["reasons"]),
    ...(reasons as readonly string[]).map((reason) => `  ${reason}`),
  ];
}

async function verify(options: VerifyOptions, io: Io): Promise<void> {
  const call = await adminClient(options, io);
  const verdict = await call("GET", "/audit-verification");
  const broken = verdict["broken"] as Record<string, unknown> | null;
  const isAnchored =
    options.head === undefined || (await holdsHead(options.head, call));
  print(io, options.json === true, { ...verdict, anchored: isAnchored }, [
    `rows = ${show(verdict["rows"])} (${show(verdict["unchained"])} from before the chain)`,
    `head = ${show(verdict["head"])}`,
  ]);
  if (broken !== null) {
    throw new CommandError(
      `the chain breaks at row ${show(broken["sequence"])} (${show(broken["id"])}): it, or the row before it, is not what was written`,
    );
  }
  if (!isAnchored)
    throw new CommandError(
      "no row has the given head: the end of the trail was cut off",
    );
}

/** Looks for a chain value, newest rows first. */
async function holdsHead(
  head: string,
  call: Awaited<ReturnType<typeof adminClient>>,
): Promise<boolean> {
  let before: unknown = null;
  do {
    const query = new URLSearchParams({ limit: "500" });
    if (typeof before === "number") query.set("before", String(before));
    const page = await call("GET", `/audit?${query.toString()}`);
    const rows = page["entries"] as Record<string, unknown>[];
    if (rows.some(({ chain }) => chain === head)) return true;
    before = page["next"];
  } while (before !== null);
  return false;
}

import { Command, InvalidArgumentError } from "commander";
import {
  adminClient,
  segment,
  show,
  showTime,
  withAdminOptions,
  type AdminOptions,
} from "../admin-client.ts";
import { CommandError, print, type Io } from "../io.ts";
import { readCount } from "../number-option.ts";

interface ListOptions extends AdminOptions {
  readonly client?: string;
  readonly action?: string;
  readonly limit: number;
  readonly before?: number;
}

interface VerifyOptions extends AdminOptions {
  readonly head?: string;
  readonly after?: Place;
}

/** A row of the trail and its chain value. */
interface Place {
  readonly sequence: number;
  readonly chain: string;
}

/** Rows of a page that `list` asks for at a time. */
const PAGE = 500;
/** Rows that `verify` asks to be verified at a time: a second's work, well within what a call may take. */
const SECTION = 50_000;

/** `accredit audit`: what was decided, why, and whether the trail was tampered with. */
export function auditCommand(io: Io): Command {
  const command = new Command("audit").description(
    "Reads and verifies the audit trail, over the server's admin API.",
  );
  command.addCommand(
    withAdminOptions(
      new Command("list").description("Lists decisions, newest first."),
    )
      .option(
        "--client <client_id>",
        "only of this client, and rows about many that name it",
      )
      .option("--action <action>", "only this action")
      .option("--limit <n>", "at most this many", readCount, 50)
      .option(
        "--before <sequence>",
        "only what is older than this row, as `next` of --json has it",
        readCount,
      )
      .action(async (options: ListOptions) => list(options, io)),
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
        "Reads the whole trail and checks that no row was changed, removed or slipped in. Exit code 1 where one was. Prints where it ends: keep that elsewhere, and give it as --after later to verify what was added since, and that nothing was cut off.",
      ),
    )
      .option(
        "--head <hash>",
        "a head printed before, which must be there still",
      )
      .option(
        "--after <row:head>",
        "only what follows this row, which must be there still with this head",
        readPlace,
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

async function list(options: ListOptions, io: Io): Promise<void> {
  const call = await adminClient(options, io);
  const { client, action, limit } = options;
  const entries: Record<string, unknown>[] = [];
  let next: unknown = options.before ?? null;
  do {
    const query = new URLSearchParams({
      limit: String(Math.min(PAGE, limit - entries.length)),
    });
    if (client !== undefined) query.set("client_id", client);
    if (action !== undefined) query.set("action", action);
    if (typeof next === "number") query.set("before", String(next));
    const page = await call("GET", `/audit?${query.toString()}`);
    entries.push(...(page["entries"] as Record<string, unknown>[]));
    next = page["next"];
  } while (next !== null && entries.length < limit);
  print(io, options.json === true, { entries, next }, [
    ...entries.map(line),
    ...(next === null ? [] : [`older ones: --before ${show(next)}`]),
  ]);
}

function readPlace(text: string): Place {
  const [, sequence, chain = ""] =
    /^([1-9][0-9]{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (sequence !== undefined) return { sequence: Number(sequence), chain };
  throw new InvalidArgumentError(
    "expected the number of a row and its head, as verify prints them: 7:9f86...",
  );
}

/** What the server says of one section of the trail. */
interface Verdict {
  readonly rows: number;
  readonly unchained: number;
  readonly sequence: number;
  readonly head: string | null;
  readonly complete: boolean;
  readonly anchored: boolean;
  readonly broken: {
    readonly sequence: number;
    readonly id: string | null;
    readonly reason: string;
  } | null;
}

async function verify(options: VerifyOptions, io: Io): Promise<void> {
  const verdict = await verifySections(options, io);
  const { rows, unchained, sequence, head, anchored, broken } = verdict;
  print(io, options.json === true, verdict, [
    `rows = ${rows} (${unchained} from before the chain)`,
    `head = ${show(head)}`,
    ...(head === null ? [] : [`after = ${sequence}:${head}`]),
  ]);
  if (broken !== null) {
    const row = `row ${broken.sequence}${broken.id === null ? "" : ` (${broken.id})`}`;
    throw new CommandError(
      `the trail is not what was written from ${row} on: ${broken.reason}`,
    );
  }
  if (!anchored)
    throw new CommandError(
      "no row has the given head: the end of the trail was cut off",
    );
}

/** Section by section, however long the trail is: each begins where the one before has ended. */
async function verifySections(
  { after, head, ...options }: VerifyOptions,
  io: Io,
): Promise<Verdict> {
  const call = await adminClient(options, io);
  let place: { sequence: number; chain: string | null } | undefined = after;
  let total: Verdict | undefined;
  do {
    const query = new URLSearchParams({ limit: String(SECTION) });
    if (place !== undefined) {
      query.set("after", String(place.sequence));
      if (place.chain !== null) query.set("chain", place.chain);
    }
    if (head !== undefined) query.set("head", head);
    const path = `/audit-verification?${query.toString()}`;
    const verdict = (await call("GET", path)) as unknown as Verdict;
    total = {
      ...verdict,
      rows: verdict.rows + (total?.rows ?? 0),
      unchained: verdict.unchained + (total?.unchained ?? 0),
      anchored: verdict.anchored || total?.anchored === true,
    };
    place = { sequence: verdict.sequence, chain: verdict.head };
  } while (total.broken === null && !total.complete);
  return total;
}

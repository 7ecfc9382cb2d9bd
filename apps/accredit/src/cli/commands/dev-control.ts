import { Command } from "commander";
import type { DevStatus } from "../../dev/control-commands.ts";
import { CommandError, print, type Io } from "../io.ts";

/** Options of a command below `accredit dev`; what it lacks, `dev` itself may have got. */
export interface ControlOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

const KINDS = ["jwt", "x509", "wit"] as const;
const STEPS = ["prepare", "activate", "retire"] as const;

type RotateOptions = ControlOptions &
  Partial<Record<(typeof KINDS)[number] | (typeof STEPS)[number], boolean>>;

/** `accredit dev status`: where everything of a running domain is. */
export function devStatusCommand(io: Io): Command {
  return controlCommand("status")
    .summary("show a running development trust domain")
    .action(async (options: ControlOptions, command: Command) => {
      show(io, options, command, await callDev(options, command, "status", {}));
    });
}

/** `accredit dev rotate`: changes the authorities of a running domain. */
export function devRotateCommand(io: Io): Command {
  return controlCommand("rotate")
    .summary("rotate the authorities of a running development trust domain")
    .description(
      "Makes new authorities, publishes them and signs with them; the old ones stay in the bundle until --retire. Without --jwt, --x509 or --wit it is about all of them.",
    )
    .option("--jwt", "the keys of JWT-SVIDs")
    .option("--x509", "the root and the intermediate of X.509-SVIDs")
    .option("--wit", "the keys of WIT-SVIDs")
    .option("--prepare", "publish new ones, which sign nothing yet")
    .option("--activate", "sign with the ones prepared last")
    .option("--retire", "remove the old ones: what they signed stops")
    .action(async (options: RotateOptions, command: Command) => {
      const kinds = KINDS.filter((kind) => options[kind] === true);
      const steps = STEPS.filter((step) => options[step] === true);
      const input = {
        ...(kinds.length === 0 ? {} : { kinds }),
        ...(steps.length === 0 ? {} : { steps }),
      };
      show(
        io,
        options,
        command,
        await callDev(options, command, "rotate", input),
      );
    });
}

/** A command below `accredit dev`. */
export function controlCommand(name: string): Command {
  return new Command(name)
    .option("--dir <dir>", "where the domain keeps its state")
    .option("--json", "print JSON");
}

/** Has the running domain of `--dir` run a command. */
export async function callDev<Answer = DevStatus>(
  options: ControlOptions,
  command: Command,
  name: string,
  input: object,
): Promise<Answer> {
  const { callControl } = await import("../../dev/control-client.ts");
  const { dir = "" } = { ...command.parent?.opts(), ...options };
  try {
    return (await callControl(dir, name, input)) as Answer;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unknown";
    throw new CommandError(why, 1, { cause });
  }
}

function show(
  io: Io,
  options: ControlOptions,
  command: Command,
  status: DevStatus,
): void {
  const { json = false } = { ...command.parent?.opts(), ...options };
  const authorities = Object.entries(status.authorities).flatMap(([kind, of]) =>
    of.map(({ id, state }) => `  ${kind.padEnd(4)} ${state.padEnd(9)} ${id}`),
  );
  print(io, json, status, [
    `Development trust domain ${status.trust_domain}, process ${status.pid}.`,
    ...describeStatus(status),
    `Authorities, oldest first (bundle sequence ${status.sequence}):`,
    ...authorities,
  ]);
}

/** Where everything is, for people. */
export function describeStatus(status: DevStatus): readonly string[] {
  return [
    `  Workload API          ${status.workload_api}`,
    `  bundle, https_web     ${status.bundle_url}  (TLS authority: ${status.bundle_ca_file})`,
    `  bundle, https_spiffe  ${status.spiffe_bundle_url}  (as ${status.spiffe_bundle_endpoint_id}; bootstrap: ${status.bundle_file})`,
    `  credential issuer     ${status.credential_issuer.did}  or ${status.credential_issuer.url}`,
    `  its status lists      ${status.credential_issuer.status_lists.join("  ")}`,
    ...status.workloads.map(
      (spiffeId) => `  workload              ${spiffeId}`,
    ),
  ];
}

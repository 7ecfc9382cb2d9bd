import { NAMES, type Comparison } from "./comparisons.ts";
import type { MachineFacts } from "./machine.ts";
import type { Measurement } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { table } from "./table.ts";
import type { Stage } from "./stages/protocol.ts";

/** Everything one run found; `bench/results/peers.json` holds exactly this. */
export interface Report {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: MachineFacts;
  readonly settings: Pick<BenchOptions, "rounds" | "seconds" | "concurrency">;
  readonly comparisons: readonly Comparison[];
  readonly measurements: readonly Measurement[];
  readonly stages: readonly Stage[];
}

/** What the figures were measured on. */
export function formatMachine(machine: MachineFacts): string {
  return [
    `${machine.cores} cores, ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
    `databases on ${machine.fileSystem}; 4 KiB written and synced in ${machine.syncMicroseconds} us`,
  ].join("\n");
}

/** The report as text for a terminal. */
export function formatReport(report: Report): string {
  const { machine, settings } = report;
  return [
    formatMachine(machine),
    `${settings.rounds} rounds of ${settings.seconds} s, ${settings.concurrency} connections; medians, with the slowest and fastest round`,
    "",
    ...table(
      [
        "requests per second",
        "median",
        "min",
        "max",
        "p50 ms",
        "p99 ms",
        "server CPU us",
        "generator CPU us",
      ],
      report.measurements.map((one) => [
        one.name,
        rounded(one.perSecond.median),
        rounded(one.perSecond.min),
        rounded(one.perSecond.max),
        one.latencyMs.p50.toFixed(1),
        one.latencyMs.p99.toFixed(1),
        rounded(one.serverCpuMicroseconds),
        rounded(one.generatorCpuMicroseconds),
      ]),
    ),
    "",
    ...table(
      ["ratio", "median", "min", "max", "aim"],
      report.comparisons.map(({ name, ratio, aim }) => [
        name,
        ratio.median.toFixed(2),
        ratio.min.toFixed(2),
        ratio.max.toFixed(2),
        aim.toFixed(1),
      ]),
    ),
    "",
    ...table(
      ["where a registration's time goes, per stage", "elapsed us", "CPU us"],
      [...report.stages, restOf(report)].map(
        ({ name, elapsed, cpu, within }) => [
          within ? `  ${name}` : name,
          Number.isNaN(elapsed) ? "" : elapsed.toFixed(1),
          cpu.toFixed(1),
        ],
      ),
    ),
  ].join("\n");
}

/** What the server spends on a registration beyond the stages. */
function restOf({ stages, measurements }: Report): Stage {
  const whole = measurements.find((one) => one.name === NAMES.register);
  const known = stages
    .filter(({ within }) => !within)
    .reduce((sum, { cpu }) => sum + cpu, 0);
  return {
    name: "the rest of the server: HTTP, routing, log line, metrics, collecting garbage",
    elapsed: Number.NaN,
    cpu: (whole?.serverCpuMicroseconds ?? Number.NaN) - known,
    within: false,
  };
}

function rounded(value: number): string {
  return String(Math.round(value));
}

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openSqliteStore } from "@accredit/store";
import { measureAll, type Workload } from "../measure.ts";
import { startAccredit } from "../servers.ts";
import { spreadOf } from "../statistics.ts";
import { fillStore } from "./fill.ts";
import { startGenerator, type BenchRow } from "./row.ts";

const SIZES = [1000, 100_000, 1_000_000];
const QUICK_SIZES = [100, 1000, 5000];
const clock = { now: (): number => Math.floor(Date.now() / 1000) };

/**
 * New clients among those that are there already; every size has its server, and they take turns. A ratio is
 * taken within each round. What is measured adds clients: the table says how many came.
 */
export const growth: BenchRow = {
  name: "growth",
  async run(context) {
    const { directory, keys, options, progress, owns } = context;
    const generator = startGenerator(context);
    const sizes = options.quick ? QUICK_SIZES : SIZES;
    const workloads: Workload[] = [];
    let used = 0;
    for (const size of sizes) {
      const home = join(directory, String(size));
      mkdirSync(home);
      const store = await openSqliteStore({
        path: join(home, "accredit.db"),
        clock,
      });
      await fillStore(store, size);
      await store.close();
      progress(`${size} clients are there`);
      const server = await startAccredit(home, keys, []);
      owns(server.child);
      workloads.push({
        name: `${size} clients`,
        server,
        job: (count: number) => ({
          kind: "svid-registration" as const,
          url: server.registration,
          audience: server.registration,
          first: (used += count) - count,
        }),
      });
    }
    const measured = await measureAll(workloads, generator, options, progress);
    const memory = workloads.map(({ server }) =>
      residentMiB(server.child.process.pid),
    );
    const came: number[] = [];
    for (const size of sizes) {
      const store = await openSqliteStore({
        path: join(directory, String(size), "accredit.db"),
        clock,
      });
      came.push((await store.countClients()) - size);
      await store.close();
    }
    const [base] = measured;
    return {
      title:
        "new clients among those there are (aim: p99 within 1.5 of the first, resident memory under 300 MiB)",
      head: [
        "there at first",
        "per second",
        "p50 ms",
        "p99 ms",
        "p99 ratio",
        "from",
        "to",
        "MiB",
        "came",
      ],
      rows: measured.map(({ name, perSecond, latencyMs, p99Rounds }, index) => {
        const ratio = spreadOf(
          p99Rounds.map((p99, n) => p99 / (base?.p99Rounds[n] ?? Number.NaN)),
        );
        return [
          name,
          perSecond.median.toFixed(0),
          latencyMs.p50.toFixed(1),
          latencyMs.p99.toFixed(1),
          ratio.median.toFixed(2),
          ratio.min.toFixed(2),
          ratio.max.toFixed(2),
          (memory[index] ?? Number.NaN).toFixed(0),
          `${came[index]}`,
        ];
      }),
    };
  },
};

/** Resident memory of a process, in MiB; NaN where the system does not say. */
export function residentMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

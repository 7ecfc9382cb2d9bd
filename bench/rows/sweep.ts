import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openSqliteStore } from "@accredit/store";
import { startAccredit, type ServerUnderTest } from "../servers.ts";
import { fillStore } from "./fill.ts";
import { registerNumbers, startGenerator, type BenchRow } from "./row.ts";

const LEASES = 100_000;
const QUICK_LEASES = 2000;
const ROUND_REQUESTS = 3000;
/** As many at once as a server that is not at its limit gets. */
const CONCURRENCY = 4;
const clock = { now: (): number => Math.floor(Date.now() / 1000) };

/** Leases that ran out all at once are ended while others register. */
export const sweep: BenchRow = {
  name: "sweep",
  async run(context) {
    const { directory, keys, options, progress, owns } = context;
    const leases = options.quick ? QUICK_LEASES : LEASES;
    const store = await openSqliteStore({
      path: join(directory, "accredit.db"),
      clock,
    });
    await fillStore(store, leases, clock.now() - 3600);
    await store.close();
    progress(`${leases} leases have run out`);
    const generator = startGenerator(context);
    const server = await startAccredit(directory, keys, []);
    owns(server.child);
    const log = join(directory, "accredit.db");
    const live = await openSqliteStore({ path: log, clock });
    const remaining = async (): Promise<number> => live.countClients();
    const started = performance.now();
    const rounds = { during: [] as number[], after: [] as number[] };
    let used = 0;
    const round = async (into: number[], of: ServerUnderTest) => {
      const result = await registerNumbers(
        generator,
        of,
        used,
        ROUND_REQUESTS,
        CONCURRENCY,
      );
      used += ROUND_REQUESTS;
      into.push(result.latencyMs.p99);
    };
    while ((await remaining()) - used > 0 && rounds.during.length < 200)
      await round(rounds.during, server);
    const seconds = (performance.now() - started) / 1000;
    await live.close();
    await delay(1000);
    while (rounds.after.length < Math.max(3, options.rounds))
      await round(rounds.after, server);
    const [during, after] = [worst(rounds.during), worst(rounds.after)];
    return {
      title: `${leases} leases ended while ${CONCURRENCY} callers register, in ${seconds.toFixed(0)} s`,
      head: ["new clients", "p99 ms, worst round", "rounds"],
      rows: [
        ["during the sweep", during.toFixed(1), `${rounds.during.length}`],
        ["after it", after.toFixed(1), `${rounds.after.length}`],
        ["ratio", (during / after).toFixed(2), ""],
      ],
    };
  },
};

const worst = (values: readonly number[]): number =>
  Math.max(Number.NEGATIVE_INFINITY, ...values);

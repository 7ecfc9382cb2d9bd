import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openSqliteStore } from "@accredit/store";
import { startAccredit } from "../servers.ts";
import { median } from "../statistics.ts";
import { fillStore } from "./fill.ts";
import { registerNumbers, startGenerator, type BenchRow } from "./row.ts";

const LEASES = 100_000;
const QUICK_LEASES = 2000;
/** From the first of the leases to the end of all: to write them, to warm up, and to measure without a sweep. */
const LEASE_SECONDS = 90;
const QUICK_LEASE_SECONDS = 25;
const WARM_UP_REQUESTS = 8000;
const ROUND_REQUESTS = 3000;
/** As many at once as a server that is not at its limit gets. */
const CONCURRENCY = 4;
/** A sweep that takes longer is not waited for. */
const MAX_ROUNDS = 200;
const clock = { now: (): number => Math.floor(Date.now() / 1000) };

/** Leases that run out all at once are ended while others register: before the sweep, during it, and after. */
export const sweep: BenchRow = {
  name: "sweep",
  async run(context) {
    const { directory, keys, options, progress, owns } = context;
    const leases = options.quick ? QUICK_LEASES : LEASES;
    const ends =
      clock.now() + (options.quick ? QUICK_LEASE_SECONDS : LEASE_SECONDS);
    const path = join(directory, "accredit.db");
    const store = await openSqliteStore({ path, clock });
    await fillStore(store, leases, ends);
    await store.close();
    progress(`${leases} leases are there`);

    const generator = startGenerator(context);
    const server = await startAccredit(directory, keys, []);
    owns(server.child);
    let used = 0;
    const register = async (count: number): Promise<number> => {
      used += count;
      const { latencyMs } = await registerNumbers(
        generator,
        server,
        used - count,
        count,
        CONCURRENCY,
      );
      return latencyMs.p99;
    };
    await register(options.quick ? ROUND_REQUESTS : WARM_UP_REQUESTS);
    const [before, during, after]: [number[], number[], number[]] = [
      [],
      [],
      [],
    ];
    while (clock.now() < ends - 3) before.push(await register(ROUND_REQUESTS));
    if (before.length === 0)
      throw new Error("writing the leases took longer than they last");

    const live = await openSqliteStore({ path, clock });
    const remaining = async (): Promise<number> =>
      (await live.countClients()) - used;
    while ((await remaining()) === leases) await delay(20);
    const started = performance.now();
    progress("the sweep has begun");
    while ((await remaining()) > 0 && during.length < MAX_ROUNDS)
      during.push(await register(ROUND_REQUESTS));
    // To within one round.
    const seconds = (performance.now() - started) / 1000;
    await live.close();
    // The last of them had an end without the sweep.
    if (during.length > 1) during.pop();
    while (after.length < Math.max(3, options.rounds))
      after.push(await register(ROUND_REQUESTS));

    const row = (name: string, rounds: readonly number[]) => [
      name,
      median(rounds).toFixed(1),
      Math.max(...rounds).toFixed(1),
      (median(rounds) / median(before)).toFixed(2),
      `${rounds.length}`,
    ];
    return {
      title: `${leases} leases ended while ${CONCURRENCY} callers register, in ${seconds.toFixed(0)} s`,
      head: [
        "new clients",
        "p99 ms, median round",
        "worst round",
        "over before",
        "rounds",
      ],
      rows: [
        row("before the sweep", before),
        row("during it", during),
        row("after it", after),
      ],
    };
  },
};

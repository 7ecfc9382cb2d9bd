import { mkdirSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "../children.ts";
import { prepareAccredit } from "../servers.ts";
import { median, spreadOf } from "../statistics.ts";
import type { BenchRow } from "./row.ts";

const ROUNDS = 9;
/** Between two looks: far less than what is measured, and little work for a machine with few cores. */
const LOOK_MS = 5;
const PATIENCE_MS = 30_000;

/** From starting the process until `/readyz` says 200, on a database that is there. */
export const coldStart: BenchRow = {
  name: "cold start",
  async run({ directory, keys, options, owns }) {
    const home = join(directory, "home");
    mkdirSync(home);
    const milliseconds: number[] = [];
    const rounds = options.quick ? 2 : ROUNDS;
    for (let round = 0; round <= rounds; round++) {
      const launch = await prepareAccredit(home, keys, []);
      const started = performance.now();
      const { child, admin } = launch();
      owns(child);
      await ready(`${admin}/readyz`, child);
      // The first one makes the database.
      if (round > 0) milliseconds.push(performance.now() - started);
      await child.stop();
    }
    const { min, max } = spreadOf(milliseconds);
    return {
      title: "process start to /readyz 200 (aim: under 500 ms)",
      head: ["start", "median ms", "min", "max"],
      rows: [
        [
          "from TypeScript sources, compiled before",
          median(milliseconds).toFixed(0),
          min.toFixed(0),
          max.toFixed(0),
        ],
      ],
    };
  },
};

/** Resolves once a health check answers with 200. */
async function ready(url: string, { process: child }: Child): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while ((await statusOf(url)) !== 200) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error("the server did not get ready");
    await delay(LOOK_MS);
  }
}

/** The status of an answer; undefined where nobody listens yet. */
function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", () => resolve(undefined));
  });
}

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startAccredit } from "../servers.ts";
import { median, spreadOf } from "../statistics.ts";
import type { BenchRow } from "./row.ts";

const ROUNDS = 5;

/** From starting the process to its first answer, on a database that is there. */
export const coldStart: BenchRow = {
  name: "cold start",
  async run({ directory, keys, owns }) {
    const home = join(directory, "home");
    mkdirSync(home);
    const milliseconds: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const started = performance.now();
      const { child } = await startAccredit(home, keys, []);
      // The first one makes the database.
      if (round > 0) milliseconds.push(performance.now() - started);
      owns(child);
      await child.stop();
    }
    const { min, max } = spreadOf(milliseconds);
    return {
      title: "cold start to the first answer (aim: under 500 ms)",
      head: ["start", "median ms", "min", "max"],
      rows: [
        [
          "from TypeScript sources",
          median(milliseconds).toFixed(0),
          min.toFixed(0),
          max.toFixed(0),
        ],
      ],
    };
  },
};

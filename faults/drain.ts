import { randomInt } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startLoad, unexpected, type Acknowledged } from "./load.ts";
import { makePlace } from "./place.ts";
import type { Scenario } from "./scenario.ts";
import { startAccredit } from "./server-process.ts";
import { verifyDatabase } from "./verify.ts";

/** SIGTERM under load: whoever was connected is answered, nobody is cut off, and it ends by itself (Q15). */
export const drain: Scenario = async ({ directory, short }) => {
  const rounds = short ? 2 : 10;
  const place = await makePlace(join(directory, "drain"));
  const acknowledged: Acknowledged[] = [];
  const problems: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const server = await startAccredit(place.directory, place.issuer);
    const load = startLoad(place);
    await load.progress();
    await sleep(randomInt(50, 400));
    const code = await server.end("SIGTERM");
    await load.done;
    acknowledged.push(...load.acknowledged);
    problems.push(...unexpected(load, [201]));
    if (code !== 0) problems.push(`round ${round}: exit code ${code}`);
    if (load.cuts.length > 0) {
      const codes = [...new Set(load.cuts)].join(", ");
      problems.push(`round ${round}: ${load.cuts.length} cut off (${codes})`);
    }
  }
  const found = await verifyDatabase(place.databaseFile, acknowledged);
  return {
    name: "SIGTERM under load",
    faults: `${rounds} drains`,
    acknowledged: acknowledged.length,
    lost: found.lost,
    problems: [...problems, ...found.problems],
  };
};

import { startLoad, unexpected, type Load } from "./load.ts";
import { askForToken } from "./place.ts";
import type { Scenario } from "./scenario.ts";
import { onSmallDisk, withSmallDatabase } from "./small-server.ts";
import { verifyDatabase } from "./verify.ts";

const FULL = 503;

/** The database has no room any more, then it has again (Q04). */
export const fullDisk: Scenario = async ({ directory }) => {
  const server =
    (await onSmallDisk(directory)) ?? (await withSmallDatabase(directory));
  const { place, what } = server;
  try {
    const problems: string[] = [];
    const load = startLoad(place);
    const isFull = (): boolean => (load.statuses.get(FULL) ?? 0) > 0;
    await until(isFull, load);
    await load.stop();
    problems.push(...unexpected(load, [201, FULL]), ...load.cuts);
    const [first, second] = load.acknowledged;
    const expectToken = async (when: string): Promise<void> => {
      if (first === undefined) problems.push("nothing was acknowledged");
      else if ((await askForToken(place, first.subject)) !== 200)
        problems.push(`a registered client gets no token ${when}`);
    };
    await expectToken(`while the ${what} is full`);
    if (second !== undefined) {
      const status = await server.suspend(second.clientId);
      if (status !== undefined) {
        if (status !== 200)
          problems.push(`suspending on the full disk was answered ${status}`);
        if ((await askForToken(place, second.subject)) === 200)
          problems.push("a client suspended on the full disk gets a token");
      }
    }

    server.makeRoom();
    const again = startLoad(place);
    await until(() => again.acknowledged.length > 0, again);
    await again.stop();
    await expectToken(`after the ${what} was full`);
    await server.end();

    const acknowledged = [...load.acknowledged, ...again.acknowledged];
    const found = await verifyDatabase(place.databaseFile, acknowledged);
    return {
      name: "full disk under load",
      faults: `1 full ${what}`,
      acknowledged: acknowledged.length,
      lost: found.lost,
      problems: [...problems, ...found.problems],
    };
  } finally {
    server.remove();
  }
};

/** Answers that the server may take to come to what is expected of it. */
const PATIENCE = 100_000;

async function until(holds: () => boolean, load: Load): Promise<void> {
  for (let answers = 0; !holds(); answers++) {
    if (answers > PATIENCE)
      throw new Error("the server did not come to what was expected of it");
    await load.progress();
  }
}

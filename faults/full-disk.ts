import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startLoad, unexpected, type Load } from "./load.ts";
import { askForToken, makePlace } from "./place.ts";
import type { Scenario } from "./scenario.ts";
import { startScript } from "./server-process.ts";
import { verifyDatabase } from "./verify.ts";

/** What somebody else has on the disk and takes away later, in bytes. */
const FILLER_BYTES = 500_000;
const FULL = 503;

/** The database may not grow any more, then it may again (Q04). */
export const fullDisk: Scenario = async ({ directory }) => {
  const place = await makePlace(join(directory, "full-disk"));
  const { databaseFile, issuer } = place;
  const problems: string[] = [];
  const args = ["small", issuer];
  const server = await startScript(
    "odd-server.ts",
    args,
    place.directory,
    issuer,
  );
  const other = new DatabaseSync(databaseFile, { timeout: 5000 });
  other.exec(
    `INSERT INTO write_probe (id, filler) VALUES (7, zeroblob(${FILLER_BYTES}))`,
  );

  const load = startLoad(place);
  const isFull = (): boolean => (load.statuses.get(FULL) ?? 0) > 0;
  await until(isFull, load);
  await load.stop();
  problems.push(...unexpected(load, [201, FULL]), ...load.cuts);
  const [first] = load.acknowledged;
  if (first === undefined) problems.push("nothing was acknowledged");
  else if ((await askForToken(place, first.subject)) !== 200)
    problems.push("a registered client gets no token while the disk is full");

  other.exec("DELETE FROM write_probe");
  other.close();
  const again = startLoad(place);
  await until(() => again.acknowledged.length > 0, again);
  await again.stop();
  if (first !== undefined && (await askForToken(place, first.subject)) !== 200)
    problems.push("a registered client gets no token after the disk was full");
  await server.end("SIGTERM");

  const acknowledged = [...load.acknowledged, ...again.acknowledged];
  const found = await verifyDatabase(databaseFile, acknowledged);
  return {
    name: "full disk under load",
    faults: "1 full disk",
    acknowledged: acknowledged.length,
    lost: found.lost,
    problems: [...problems, ...found.problems],
  };
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

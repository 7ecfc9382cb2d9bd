import { randomInt } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startLoad, unexpected, type Acknowledged } from "./load.ts";
import { askForToken, makePlace } from "./place.ts";
import type { Scenario } from "./scenario.ts";
import { startAccredit, startScript } from "./server-process.ts";
import { verifyDatabase } from "./verify.ts";

/** SIGKILL while registrations are being written, on one database again and again (Q01). */
export const kills: Scenario = async ({ directory, short }) => {
  const rounds = short ? 4 : 30;
  const place = await makePlace(join(directory, "kills"));
  const acknowledged: Acknowledged[] = [];
  const problems: string[] = [];
  let lost = 0;
  let seen = 0;
  let server = await startAccredit(place.directory, place.issuer);
  for (let round = 0; round < rounds; round++) {
    const load = startLoad(place);
    await load.progress();
    await sleep(randomInt(50, 400));
    await server.end("SIGKILL");
    await load.done;
    if (load.cuts.length > 0) seen++;
    acknowledged.push(...load.acknowledged);
    problems.push(...unexpected(load, [201]));
    // The server recovers by itself; only then is the database looked at.
    server = await startAccredit(place.directory, place.issuer);
    const found = await verifyDatabase(place.databaseFile, acknowledged);
    ({ lost } = found);
    problems.push(...found.problems.map((each) => `round ${round}: ${each}`));
  }
  // A server that drains cuts nobody off. All callers may be between two requests, but not round after round.
  if (seen * 2 < rounds)
    problems.push(
      `expected kills that cut requests off, got ${seen} of ${rounds}`,
    );
  const last = acknowledged.at(-1);
  if (last === undefined) problems.push("nothing was ever acknowledged");
  else if ((await askForToken(place, last.subject)) !== 200)
    problems.push("a client from before the last kill gets no token");
  if ((await server.end("SIGTERM")) !== 0)
    problems.push("the server did not stop with exit code 0");
  return {
    name: "SIGKILL under load",
    faults: `${seen} kills that cut requests off`,
    acknowledged: acknowledged.length,
    lost,
    problems,
  };
};

const CONTROL_ROUNDS = 20;

/**
 * The same with a server that acknowledges before the commit. It has to lose something: a harness that does
 * not notice would notice nothing.
 */
export const control: Scenario = async ({ directory }) => {
  let acknowledged = 0;
  let lost = 0;
  let rounds = 0;
  while (lost === 0 && rounds < CONTROL_ROUNDS) {
    const place = await makePlace(join(directory, `control-${rounds++}`));
    const server = await startScript(
      "odd-server.ts",
      ["early", place.issuer],
      place.directory,
      place.issuer,
    );
    const load = startLoad(place);
    await load.progress();
    await sleep(randomInt(50, 400));
    await server.end("SIGKILL");
    await load.done;
    acknowledged += load.acknowledged.length;
    ({ lost } = await verifyDatabase(place.databaseFile, load.acknowledged));
  }
  return {
    name: "control, must lose: acknowledged before the commit",
    faults: `${rounds} kills`,
    acknowledged,
    lost,
    problems:
      lost > 0 ? [] : ["lost registrations of the control were not noticed"],
  };
};

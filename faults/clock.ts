import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startLoad, unexpected } from "./load.ts";
import { askForToken, makePlace } from "./place.ts";
import type { Scenario } from "./scenario.ts";
import { startAccredit } from "./server-process.ts";
import { verifyDatabase } from "./verify.ts";

const HOUR = 3600;
const LEAPS = [-HOUR, HOUR, 365 * 24 * HOUR, -365 * 24 * HOUR];
/** Longer than a lease and the time that an ended one is kept. */
const LEAPT_AT_START = 365 * 24 * HOUR;
/** Longer than the time between two sweeps. Milliseconds. */
const LEAPT_MS = 17_000;

/**
 * The clock of the machine is set wrong for a while, by an hour and by a year, and then the server starts while it is
 * wrong: no registration is lost by that (Q13).
 */
export const clock: Scenario = async ({ directory, short }) => {
  const leaps = short ? LEAPS.slice(2, 3) : LEAPS;
  const place = await makePlace(join(directory, "clock"), { lease: "10m" });
  const leapFile = join(place.directory, "leap");
  const start = (leapAtStart = 0) =>
    startAccredit(place.directory, place.issuer, {
      preload: "leaping-clock.ts",
      env: { LEAP_FILE: leapFile, LEAP_AT_START: String(leapAtStart) },
    });
  const server = await start();
  const leap = (seconds: number): void => {
    writeFileSync(leapFile, String(seconds));
    server.signal("SIGUSR2");
  };
  const load = startLoad(place);
  await load.progress();
  await sleep(500);
  await load.stop();
  const { acknowledged } = load;
  const problems = [...unexpected(load, [201])];
  const [first] = acknowledged;
  const expectTokens = async (when: string): Promise<void> => {
    for (const { subject } of acknowledged.slice(0, 20)) {
      const status = await askForToken(place, subject);
      if (status !== 200) problems.push(`${when} a client got ${status}`);
    }
  };
  for (const seconds of leaps) {
    leap(seconds);
    // What is signed now is from another time: that the clock did leap shows in this.
    const wrong = first && (await askForToken(place, first.subject));
    if (wrong === 200 || wrong === undefined)
      problems.push(`a leap of ${seconds} s had no effect`);
    await sleep(LEAPT_MS);
    leap(0);
    await expectTokens(`after a leap of ${seconds} s`);
  }
  await server.end("SIGTERM");
  // Ended they all are by such a start; none is removed, and each is what it was once the clock is right.
  const wrong = await start(LEAPT_AT_START);
  await sleep(LEAPT_MS);
  await wrong.end("SIGTERM");
  const right = await start();
  await expectTokens("after a start with a wrong clock");
  await right.end("SIGTERM");
  const found = await verifyDatabase(place.databaseFile, acknowledged);
  return {
    name: "the clock leaps",
    faults: `${leaps.length} leaps and back, a start with a wrong clock`,
    acknowledged: acknowledged.length,
    lost: found.lost,
    problems: [...problems, ...found.problems],
  };
};

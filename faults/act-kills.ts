import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openSqliteStore } from "@accredit/store";
import { freePort } from "@accredit/testkit";
import { startActs, type Acts } from "./acts.ts";
import { makePlace } from "./place.ts";
import type { Scenario } from "./scenario.ts";
import {
  startAccredit,
  startScript,
  type ServerProcess,
} from "./server-process.ts";

const ADMIN_TOKEN = "a".repeat(43);
const CONTROL_ROUNDS = 20;

/** SIGKILL while registrations are updated, deleted and suspended, on one database again and again (Q01). */
export const actKills: Scenario = async ({ directory, short }) => {
  const rounds = short ? 3 : 20;
  const port = await freePort();
  const place = await makePlace(join(directory, "act-kills"), {
    more: { admin: { host: "127.0.0.1", port, token_file: "./admin-token" } },
  });
  const tokenFile = join(place.directory, "admin-token");
  writeFileSync(tokenFile, ADMIN_TOKEN, { mode: 0o600 });
  const admin = { url: `http://127.0.0.1:${port}`, token: ADMIN_TOKEN };
  const all: Acts[] = [];
  const problems: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const server = await startAccredit(place.directory, place.issuer);
    const acts = startActs(place, admin);
    await killAmong(acts, server);
    all.push(acts);
    problems.push(...acts.problems);
  }
  const sum = (of: (acts: Acts) => number): number =>
    all.reduce((total, acts) => total + of(acts), 0);
  for (const [what, number] of [
    ["update", sum(({ updates }) => acknowledgedIn(updates))],
    ["deletion", sum(({ deleted }) => deleted.length)],
    ["suspension", sum(({ suspended }) => suspended.length)],
  ] as const)
    if (number === 0) problems.push(`no ${what} was ever acknowledged`);
  const lost = await countLost(place.databaseFile, all);
  if (lost > 0) problems.push(`${lost} acknowledged acts are lost`);
  return {
    name: "SIGKILL under updates, deletions and suspensions",
    faults: `${rounds} kills`,
    acknowledged: sum((acts) => acts.count()),
    lost,
    problems,
  };
};

/** The same with a server that acknowledges before the commit, which has to lose something. */
export const actControl: Scenario = async ({ directory }) => {
  let acknowledged = 0;
  let lost = 0;
  let rounds = 0;
  while (lost === 0 && rounds < CONTROL_ROUNDS) {
    const place = await makePlace(join(directory, `act-control-${rounds++}`));
    const server = await startScript(
      "odd-server.ts",
      ["early", place.issuer],
      place.directory,
      place.issuer,
    );
    const acts = startActs(place);
    await killAmong(acts, server);
    acknowledged += acts.count();
    lost = await countLost(place.databaseFile, [acts]);
  }
  return {
    name: "control, must lose: updates and deletions before the commit",
    faults: `${rounds} kills`,
    acknowledged,
    lost,
    problems: lost > 0 ? [] : ["lost acts of the control were not noticed"],
  };
};

async function killAmong(acts: Acts, server: ServerProcess): Promise<void> {
  await acts.progress();
  await sleep(randomInt(50, 400));
  await server.end("SIGKILL");
  await acts.done;
}

function acknowledgedIn(updates: Acts["updates"]): number {
  return [...updates.values()].reduce(
    (total, { acknowledged }) => total + acknowledged,
    0,
  );
}

/** How many acts were acknowledged and are not there: an update, or one after it; a deletion; a suspension. */
async function countLost(
  databaseFile: string,
  all: readonly Acts[],
): Promise<number> {
  const store = await openSqliteStore({
    path: databaseFile,
    clock: { now: () => Math.floor(Date.now() / 1000) },
    integrityCheck: "full",
  });
  try {
    const suspensions = await store.suspensions();
    const inForce = new Set(suspensions.map(({ value }) => value));
    let lost = 0;
    for (const { updates, deleted, suspended } of all) {
      for (const [clientId, { acknowledged, sent }] of updates) {
        const client = await store.findClient(clientId);
        const found = Number(client?.metadata.client_name ?? 0);
        if (client === undefined || found < acknowledged || found > sent)
          lost++;
      }
      for (const subject of deleted)
        if ((await store.findSpiffeClients(subject)).length > 0) lost++;
      for (const subject of suspended) if (!inForce.has(subject)) lost++;
    }
    if ((await store.verifyAudit()).broken !== null) lost++;
    return lost;
  } finally {
    await store.close();
  }
}

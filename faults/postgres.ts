import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openPostgresStore } from "@accredit/store";
import { PostgresServer } from "@accredit/testkit";
import { startLoad, unexpected, type Acknowledged, type Load } from "./load.ts";
import { askForToken, makePlace, type Place } from "./place.ts";
import type { Scenario } from "./scenario.ts";
import { startAccredit } from "./server-process.ts";
import type { Findings } from "./verify.ts";

/** How long a node may take to register again once its database is back, on a machine that has other things to do. Milliseconds. */
const RECOVERY_MS = 30_000;
/** How long a node waits for its database before it answers 503. Milliseconds. */
const ANSWER_MS = 5000;

/**
 * Two nodes on one PostgreSQL: in each round one of them is killed, or the database is stopped as by a power
 * loss, or all its processes hang for a while (Q01, Q05, Q06).
 */
export const postgres: Scenario = async ({ directory, short }) => {
  // Each node is killed once at least.
  const rounds = short ? 4 : 30;
  const frozenMs = short ? 1000 : 30_000;
  const server = await PostgresServer.start();
  try {
    const places = await makePlaces(join(directory, "postgres"), server);
    const nodes = await Promise.all(places.map(startNode));
    const acknowledged: Acknowledged[] = [];
    const problems: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const loads = places.map(startLoad);
      await Promise.all(loads.map((load) => load.progress()));
      await sleep(randomInt(50, 400));
      const killed = round % places.length;
      if (round % 3 === 0) {
        await nodes[killed]?.end("SIGKILL");
      } else if (round % 3 === 1) {
        await server.stop("immediate");
        await sleep(200);
        await server.resume();
      } else {
        server.freeze();
        await sleep(frozenMs);
        server.unfreeze();
      }
      const recovering = performance.now();
      const survivors = places.filter(
        (_, n) => round % 3 !== 0 || n !== killed,
      );
      for (const place of survivors)
        if (!(await registersAgain(place, recovering)))
          problems.push(
            `round ${round}: a node took no registration within ${RECOVERY_MS} ms`,
          );
      await Promise.all(loads.map((load) => load.stop()));
      for (const [n, load] of loads.entries()) {
        const trace = traceOf(FAULTS[round % 3], load, {
          isKilled: n === killed,
          frozenMs,
        });
        if (trace !== undefined)
          problems.push(`round ${round}, node ${n}: ${trace}`);
      }
      for (const load of loads) {
        acknowledged.push(...load.acknowledged);
        problems.push(...unexpected(load, [201, 503]));
      }
      const again = places[killed];
      if (round % 3 === 0 && again !== undefined)
        nodes[killed] = await startNode(again);
    }
    const found = await verify(server, acknowledged);
    problems.push(...found.problems);
    const last = acknowledged.at(-1);
    for (const place of places)
      if (
        last === undefined ||
        (await askForToken(place, last.subject)) !== 200
      )
        problems.push("a client that was registered gets no token of a node");
    for (const node of nodes)
      if ((await node.end("SIGTERM")) !== 0)
        problems.push("a node did not stop with exit code 0");
    return {
      name: "PostgreSQL and its nodes fail under load",
      faults: `${rounds} kills, stops and hangs`,
      acknowledged: acknowledged.length,
      lost: found.lost,
      problems,
    };
  } finally {
    await server.close();
  }
};

const FAULTS = ["kill", "stop", "hang"] as const;

/** What is missing of what a fault has to leave in a node's answers; undefined where it is there. */
function traceOf(
  fault: (typeof FAULTS)[number] | undefined,
  { cuts, statuses, slowestMs }: Load,
  {
    isKilled,
    frozenMs,
  }: { readonly isKilled: boolean; readonly frozenMs: number },
): string | undefined {
  if (fault === "kill" && isKilled)
    return cuts.length > 0
      ? undefined
      : "it was killed, and no request was cut off";
  if (cuts.length > 0)
    return `it runs, and cut requests off: ${cuts.join(", ")}`;
  if (fault === "stop" && (statuses.get(503) ?? 0) === 0)
    return "its database was stopped, and no request was answered 503";
  if (fault === "hang" && slowestMs() < Math.min(frozenMs, ANSWER_MS) / 2)
    return `its database hung for ${frozenMs} ms, and every answer came sooner`;
  return undefined;
}

const startNode = ({ directory, issuer }: Place) =>
  startAccredit(directory, issuer);

async function makePlaces(
  directory: string,
  server: PostgresServer,
): Promise<readonly Place[]> {
  const store = {
    url: server.url("postgres"),
    password_file: "./password",
  };
  const one = await makePlace(join(directory, "one"), { store });
  const other = await makePlace(join(directory, "other"), {
    store,
    authority: one.authority,
  });
  for (const place of [one, other])
    writeFileSync(join(place.directory, "password"), server.password, {
      mode: 0o600,
    });
  return [one, other];
}

async function registersAgain(place: Place, since: number): Promise<boolean> {
  while (performance.now() < since + RECOVERY_MS) {
    const load = startLoad(place);
    await load.progress();
    await load.stop();
    if ((load.statuses.get(201) ?? 0) > 0) return true;
    await sleep(50);
  }
  return false;
}

/** Each acknowledged registration is one client with one audit row, and the trail holds. */
async function verify(
  server: PostgresServer,
  acknowledged: readonly Acknowledged[],
): Promise<Findings> {
  const store = await openPostgresStore({
    url: server.url("postgres"),
    password: server.password,
    clock: { now: () => Math.floor(Date.now() / 1000) },
  });
  try {
    let lost = 0;
    for (const { clientId, subject } of acknowledged) {
      const found = await store.findSpiffeClients(subject);
      const audited = await store.readAudit({
        limit: 2,
        clientId,
        action: "client.registered",
      });
      if (
        found.length !== 1 ||
        found[0]?.clientId !== clientId ||
        audited.length !== 1
      )
        lost++;
    }
    const { broken } = await store.verifyAudit();
    return {
      lost,
      problems: [
        ...(lost === 0 ? [] : [`${lost} acknowledged registrations are lost`]),
        ...(broken === null
          ? []
          : [`the audit chain is broken at row ${broken.sequence}`]),
      ],
    };
  } finally {
    await store.close();
  }
}

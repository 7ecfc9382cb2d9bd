/**
 * `npm run bench`: Accredit beside its peers, on this machine, in one run. Prints one table and writes each
 * part as JSON to bench/results. Exit code 1 means that a response was wrong; no figure, good
 * or bad, changes it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startChild, type Child } from "./children.ts";
import { compare, NAMES } from "./comparisons.ts";
import { makeKeyPair } from "./load/jwt.ts";
import type { RoundResult } from "./load/protocol.ts";
import { TOKEN_CLIENTS, clientIdOf, type BenchKeys } from "./load/requests.ts";
import { describeMachine, type MachineFacts } from "./machine.ts";
import {
  measureAll,
  WrongAnswer,
  type Measurement,
  type Workload,
} from "./measure.ts";
import { readOptions, type BenchOptions } from "./options.ts";
import { formatMachine, formatReport, type Report } from "./report.ts";
import { ROWS } from "./rows/index.ts";
import {
  startAccredit,
  startFloor,
  startOidcProvider,
  type ServerUnderTest,
} from "./servers.ts";
import { table } from "./table.ts";
import { measureStages } from "./stages/measure.ts";

const RESULTS = fileURLToPath(new URL("./results/", import.meta.url));
const GENERATOR = new URL("./load/generator.ts", import.meta.url);
/** Clients that are registered before anything is measured: those of the tokens, those that come again. */
const KNOWN_CLIENTS = 500;

const options = readOptions(process.argv.slice(2));
const progress = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

const keys: BenchKeys = {
  authority: makeKeyPair("authority-1"),
  clients: Array.from({ length: TOKEN_CLIENTS }, (_, i) =>
    makeKeyPair(clientIdOf(i)),
  ),
};
const directory = mkdtempSync(join(options.directory, "accredit-bench-"));
const children: Child[] = [];
const chosen = (name: string): boolean => name.includes(options.only ?? "");
try {
  mkdirSync(RESULTS, { recursive: true });
  const machine = describeMachine(directory);
  if (chosen("peers")) await comparePeers(machine);
  else console.log(formatMachine(machine));
  for (const row of ROWS.filter(({ name }) => chosen(name))) {
    progress(row.name);
    const where = join(directory, row.name.replaceAll(" ", "-"));
    mkdirSync(where);
    const owned: Child[] = [];
    try {
      const found = await row.run({
        directory: where,
        keys,
        options,
        progress,
        owns: (child) => void owned.push(child),
      });
      save(`${row.name.replaceAll(" ", "-")}.json`, {
        date: new Date().toISOString(),
        machine,
        ...found,
      });
      console.log(
        `\n${found.title}\n${table(found.head, found.rows).join("\n")}`,
      );
    } finally {
      await Promise.all(owned.map((child) => child.stop()));
      rmSync(where, { recursive: true, force: true });
    }
  }
} catch (error) {
  if (!(error instanceof WrongAnswer)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await Promise.all(children.map((child) => child.stop()));
  rmSync(directory, { recursive: true, force: true });
}

async function comparePeers(machine: MachineFacts): Promise<void> {
  const measurements = await measureServers(directory, keys, options);
  await Promise.all(children.splice(0).map((child) => child.stop()));
  progress("stages of a registration");
  const report: Report = {
    date: new Date().toISOString(),
    machine,
    settings: {
      rounds: options.rounds,
      seconds: options.seconds,
      concurrency: options.concurrency,
    },
    comparisons: compare(measurements),
    measurements,
    stages: await measureStages(directory, keys, options.quick ? 20 : 150),
  };
  save("peers.json", report);
  console.log(`\n${formatReport(report)}`);
}

function save(name: string, found: object): void {
  writeFileSync(
    join(RESULTS, name),
    `${JSON.stringify(found, undefined, 2)}\n`,
  );
}

async function measureServers(
  where: string,
  benchKeys: BenchKeys,
  settings: BenchOptions,
): Promise<readonly Measurement[]> {
  const start = async (
    starting: Promise<ServerUnderTest>,
  ): Promise<ServerUnderTest> => {
    const server = await starting;
    children.push(server.child);
    return server;
  };
  const accredit = await start(
    startAccredit(where, benchKeys, settings.profile ? profiling() : []),
  );
  const peer = await start(startOidcProvider(benchKeys));
  const floor = await start(startFloor(where, benchKeys));
  const generator = startChild(GENERATOR, { execArgv: ["--expose-gc"] });
  children.push(generator);
  generator.process.send({ kind: "keys", keys: benchKeys });

  const workloads = makeWorkloads(accredit, peer, floor);
  await registerKnownClients(accredit, generator, settings);
  return await measureAll(workloads, generator, settings, progress);
}

function makeWorkloads(
  accredit: ServerUnderTest,
  peer: ServerUnderTest,
  floor: ServerUnderTest,
): readonly Workload[] {
  let used = KNOWN_CLIENTS;
  const take = (count: number): number => (used += count) - count;
  const url = accredit.registration;
  const audience = accredit.registration;
  return [
    {
      name: NAMES.register,
      server: accredit,
      job: (count) => ({
        kind: "svid-registration",
        url,
        audience,
        first: take(count),
      }),
    },
    {
      name: NAMES.registerPeer,
      server: peer,
      job: () => ({ kind: "plain-registration", url: peer.registration }),
    },
    {
      name: NAMES.floor,
      server: floor,
      job: (count) => ({
        kind: "svid-registration",
        url: floor.registration,
        audience,
        first: take(count),
      }),
    },
    {
      name: NAMES.registerAgain,
      server: accredit,
      job: () => ({
        kind: "svid-registration",
        url,
        audience,
        first: 0,
        cycle: KNOWN_CLIENTS,
      }),
    },
    {
      name: NAMES.token,
      server: accredit,
      job: () => ({
        kind: "svid-token",
        url: accredit.token,
        audience: accredit.issuer,
      }),
    },
    {
      name: NAMES.tokenPeer,
      server: peer,
      job: () => ({
        kind: "private-key-jwt-token",
        url: peer.token,
        audience: peer.issuer,
      }),
    },
  ];
}

async function registerKnownClients(
  { registration }: ServerUnderTest,
  generator: Child,
  { concurrency }: BenchOptions,
): Promise<void> {
  const job = {
    kind: "svid-registration",
    url: registration,
    audience: registration,
    first: 0,
  };
  await generator.ask(
    { kind: "prepare", job, count: KNOWN_CLIENTS },
    "prepared",
  );
  const result = await generator.ask<RoundResult>(
    { kind: "run", seconds: 60, concurrency },
    "result",
  );
  if (result.wrong > 0)
    throw new WrongAnswer(`registering clients: ${result.firstWrong}`);
}

function profiling(): readonly string[] {
  return ["--cpu-prof", `--cpu-prof-dir=${RESULTS}`];
}

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PostgresServer } from "@accredit/testkit";
import type { RoundResult } from "../load/protocol.ts";
import { startAccredit } from "../servers.ts";
import { median } from "../statistics.ts";
import {
  registerNumbers,
  startGenerator,
  type BenchRow,
  type RowContext,
} from "./row.ts";

const ROUND_REQUESTS = 6000;
const QUICK_REQUESTS = 1000;

/** New clients by one node and by two on one PostgreSQL, beside one node on SQLite. */
export const postgres: BenchRow = {
  name: "postgres",
  async run(context) {
    const { options, progress } = context;
    const server = await PostgresServer.start();
    try {
      const names = ["SQLite", "PostgreSQL, node 1", "PostgreSQL, node 2"];
      const nodes: Awaited<ReturnType<typeof startNode>>[] = [];
      for (const [index, name] of names.entries())
        nodes.push(
          await startNode(context, index, index > 0 ? server : undefined, name),
        );
      const requests = options.quick ? QUICK_REQUESTS : ROUND_REQUESTS;
      let used = 0;
      const play = async (who: readonly number[]) => {
        const results = await Promise.all(
          who.map((index) => {
            const node = nodes[index];
            if (node === undefined) throw new Error("no such node");
            used += requests;
            return registerNumbers(
              node.generator,
              node.server,
              used - requests,
              requests,
              options.concurrency,
            );
          }),
        );
        return summaryOf(results);
      };
      const setups = [
        { name: "one node on SQLite", who: [0] },
        { name: "one node on PostgreSQL", who: [1] },
        { name: "two nodes on PostgreSQL", who: [1, 2] },
      ];
      const rounds = setups.map(() => [] as Summary[]);
      for (let round = 0; round <= options.rounds; round++)
        for (const [index, { name, who }] of setups.entries()) {
          const summary = await play(who);
          // The first round warms up.
          if (round > 0) rounds[index]?.push(summary);
          progress(`${name}  ${summary.perSecond.toFixed(0)}/s`);
        }
      const rates = rounds.map((each) =>
        median(each.map(({ perSecond }) => perSecond)),
      );
      return {
        title: "new clients on PostgreSQL, all on one machine",
        head: ["setup", "per second", "p99 ms", "over one node on SQLite"],
        rows: setups.map(({ name }, index) => [
          name,
          (rates[index] ?? Number.NaN).toFixed(0),
          median((rounds[index] ?? []).map(({ p99 }) => p99)).toFixed(1),
          ((rates[index] ?? Number.NaN) / (rates[0] ?? Number.NaN)).toFixed(2),
        ]),
      };
    } finally {
      await server.close();
    }
  },
};

interface Summary {
  readonly perSecond: number;
  readonly p99: number;
}

function summaryOf(results: readonly RoundResult[]): Summary {
  const seconds = Math.max(...results.map((one) => one.seconds));
  return {
    perSecond: results.reduce((sum, one) => sum + one.requests, 0) / seconds,
    p99: Math.max(...results.map(({ latencyMs }) => latencyMs.p99)),
  };
}

async function startNode(
  context: RowContext,
  index: number,
  postgresServer: PostgresServer | undefined,
  name: string,
) {
  const home = join(context.directory, `node-${index}`);
  mkdirSync(home);
  const store =
    postgresServer === undefined
      ? { url: "sqlite:./accredit.db" }
      : {
          url: postgresServer.url("postgres"),
          password_file: "./password",
        };
  if (postgresServer !== undefined)
    writeFileSync(join(home, "password"), postgresServer.password, {
      mode: 0o600,
    });
  const server = await startAccredit(home, context.keys, [], { store });
  context.owns(server.child);
  context.progress(`${name} is there`);
  return { server, generator: startGenerator(context) };
}

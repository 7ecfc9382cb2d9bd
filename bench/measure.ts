import type { Child } from "./children.ts";
import type { RoundResult } from "./load/protocol.ts";
import type { Job } from "./load/requests.ts";
import type { BenchOptions } from "./options.ts";
import type { ServerUnderTest } from "./servers.ts";
import { median, spreadOf, type Spread } from "./statistics.ts";

/** One thing that is measured round after round. */
export interface Workload {
  readonly name: string;
  readonly server: ServerUnderTest;
  /** The next round's job; called once a round, so that subjects are never repeated unawares. */
  readonly job: (count: number) => Job;
}

/** One workload's figures. */
export interface Measurement {
  readonly name: string;
  readonly perSecond: Spread;
  /** Medians over the rounds, in milliseconds. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** Medians over the rounds: processor time per request, all threads, in microseconds. */
  readonly serverCpuMicroseconds: number;
  readonly generatorCpuMicroseconds: number;
  /** Requests per second of each round. */
  readonly rounds: readonly number[];
  /** The p99 of each round, in milliseconds. */
  readonly p99Rounds: readonly number[];
}

/** An answer was wrong; the figures mean nothing. */
export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

const WARM_UP_REQUESTS = 8000;

/**
 * Measures all workloads in turn, round by round, so that whatever else the machine does falls on all
 * of them alike. A first round warms up and is not counted.
 *
 * @throws {WrongAnswer} when a response was not what it must be
 */
export async function measureAll(
  workloads: readonly Workload[],
  generator: Child,
  options: BenchOptions,
  progress: (text: string) => void,
): Promise<readonly Measurement[]> {
  const rates = new Map<string, number>();
  for (const workload of workloads) {
    const { result } = await playRound(workload, generator, {
      count: WARM_UP_REQUESTS,
      seconds: Math.min(3, options.seconds),
      concurrency: options.concurrency,
    });
    rates.set(workload.name, result.requests / result.seconds);
    progress(`warm-up ${workload.name}`);
  }

  const rounds = workloads.map((): Round[] => []);
  for (let round = 1; round <= options.rounds; round++) {
    for (const [i, workload] of workloads.entries()) {
      const rate = rates.get(workload.name) ?? 0;
      const played = await playRound(workload, generator, {
        // More than can be used; should they run out all the same, the round ends early.
        count: Math.ceil(rate * options.seconds * 1.4) + options.concurrency,
        seconds: options.seconds,
        concurrency: options.concurrency,
      });
      rounds[i]?.push(played);
      const perSecond = played.result.requests / played.result.seconds;
      rates.set(workload.name, Math.max(rate, perSecond));
      progress(
        `round ${round} of ${options.rounds}  ${workload.name}  ${Math.round(perSecond)}/s`,
      );
    }
  }
  return workloads.map((workload, i) =>
    summarise(workload.name, rounds[i] ?? []),
  );
}

interface Round {
  readonly result: RoundResult;
  readonly serverCpuMicroseconds: number;
}

async function playRound(
  workload: Workload,
  generator: Child,
  {
    count,
    seconds,
    concurrency,
  }: {
    readonly count: number;
    readonly seconds: number;
    readonly concurrency: number;
  },
): Promise<Round> {
  const { child } = workload.server;
  const job = workload.job(count);
  await generator.ask({ kind: "prepare", job, count }, "prepared");
  const before = await child.cpu();
  const result = await generator.ask<RoundResult>(
    { kind: "run", seconds, concurrency },
    "result",
  );
  const serverCpuMicroseconds = (await child.cpu()) - before;
  if (result.wrong > 0) {
    throw new WrongAnswer(
      `${workload.name}: ${result.wrong} of ${result.requests} answers were wrong; the first: ${result.firstWrong}`,
    );
  }
  return { result, serverCpuMicroseconds };
}

function summarise(name: string, rounds: readonly Round[]): Measurement {
  const rates = rounds.map(({ result }) => result.requests / result.seconds);
  return {
    name,
    perSecond: spreadOf(rates),
    latencyMs: {
      p50: median(rounds.map(({ result }) => result.latencyMs.p50)),
      p99: median(rounds.map(({ result }) => result.latencyMs.p99)),
    },
    serverCpuMicroseconds: median(
      rounds.map(
        (round) => round.serverCpuMicroseconds / round.result.requests,
      ),
    ),
    generatorCpuMicroseconds: median(
      rounds.map(({ result }) => result.cpuMicroseconds / result.requests),
    ),
    rounds: rates,
    p99Rounds: rounds.map(({ result }) => result.latencyMs.p99),
  };
}

import { startChild } from "../children.ts";
import { prepareRequests, type Job } from "../load/requests.ts";
import type { Flood, FloodResult, RoundResult } from "../load/protocol.ts";
import { WrongAnswer } from "../measure.ts";
import { startAccredit } from "../servers.ts";
import { median } from "../statistics.ts";
import { startGenerator, type BenchRow } from "./row.ts";

const FLOOD = new URL("../load/flood.ts", import.meta.url);
/** Clients that register again and again. */
const CLIENTS = 500;
const TIMES_PEAK = [0.5, 1, 2, 3];
/** What a server does by default; the other rows measure it without. */
const LIMITS = {
  limits: { registrations_per_minute_per_prefix: 1_000_000_000 },
};

/**
 * Registrations at a rate beyond what the server can do. The peak is what so many callers as the other rows have get,
 * each waiting for its answer; then come requests that wait for nobody.
 */
export const overload: BenchRow = {
  name: "overload",
  async run(context) {
    const { directory, keys, options, progress, owns } = context;
    const generator = startGenerator(context);
    const server = await startAccredit(directory, keys, [], LIMITS);
    owns(server.child);
    const flooder = startChild(FLOOD);
    owns(flooder);
    const job: Job = {
      kind: "svid-registration",
      url: server.registration,
      audience: server.registration,
      first: 0,
      cycle: CLIENTS,
    };
    const callers = async (seconds: number): Promise<RoundResult> => {
      await generator.ask(
        { kind: "prepare", job, count: Math.ceil(seconds * 8000) },
        "prepared",
      );
      const { concurrency } = options;
      const result = await generator.ask<RoundResult>(
        { kind: "run", seconds, concurrency },
        "result",
      );
      if (result.wrong > 0) throw new WrongAnswer(String(result.firstWrong));
      return result;
    };
    const bodies = prepareRequests(job, CLIENTS, keys).map(({ body }) =>
      body.toString(),
    );

    const rounds = options.quick ? 1 : options.rounds;
    const found = TIMES_PEAK.map(() => [] as Outcome[]);
    const peaks: number[] = [];
    await callers(options.seconds);
    for (let round = 1; round <= rounds; round++) {
      const { requests, seconds } = await callers(options.seconds);
      const peak = requests / seconds;
      peaks.push(peak);
      for (const [index, times] of TIMES_PEAK.entries()) {
        const order: Flood = {
          url: server.registration,
          bodies,
          perSecond: peak * times,
          seconds: options.seconds,
        };
        const result = await flooder.ask<FloodResult>(order, "flooded");
        found[index]?.push(outcomeOf(result, peak));
        progress(`round ${round} of ${rounds}  ${times} times the peak`);
      }
    }
    const rows = TIMES_PEAK.map((times, index) => {
      const of = (figure: keyof Outcome): number =>
        median((found[index] ?? []).map((outcome) => outcome[figure]));
      return [
        `${times} times the peak`,
        of("served").toFixed(0),
        of("overPeak").toFixed(2),
        of("servedP99").toFixed(0),
        of("refused").toFixed(0),
        of("refusedP50").toFixed(0),
        of("refusedP99").toFixed(0),
        of("lost").toFixed(0),
      ];
    });
    return {
      title: `registrations that come faster than they can be done; the peak is ${median(peaks).toFixed(0)} a second (aim at 3 times: 0.8 of it served, p99 under 1 s)`,
      head: [
        "requests come at",
        "served per second",
        "over peak",
        "p99 ms",
        "refused per second",
        "p50 ms",
        "p99 ms",
        "lost",
      ],
      rows,
    };
  },
};

interface Outcome {
  readonly served: number;
  readonly overPeak: number;
  readonly servedP99: number;
  readonly refused: number;
  readonly refusedP50: number;
  readonly refusedP99: number;
  /** Without an answer, or without a connection. */
  readonly lost: number;
}

function outcomeOf(result: FloodResult, peak: number): Outcome {
  const { answers, seconds, unsent, unanswered } = result;
  const other = answers.find(({ status }) => status !== 201 && status !== 503);
  if (other !== undefined)
    throw new WrongAnswer(`expected 201 or 503, got ${other.status}`);
  const served = answers.find(({ status }) => status === 201);
  const refused = answers.find(({ status }) => status === 503);
  const servedPerSecond = (served?.count ?? 0) / seconds;
  return {
    served: servedPerSecond,
    overPeak: servedPerSecond / peak,
    servedP99: served?.latencyMs.p99 ?? 0,
    refused: (refused?.count ?? 0) / seconds,
    refusedP50: refused?.latencyMs.p50 ?? 0,
    refusedP99: refused?.latencyMs.p99 ?? 0,
    lost: unsent + unanswered,
  };
}

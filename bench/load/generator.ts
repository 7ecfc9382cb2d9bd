/**
 * The load generator, in its own process. Everything is minted before the clock starts. A fixed number
 * of connections each send the next request as soon as the answer to the last one is complete.
 */
import { setImmediate as turn } from "node:timers/promises";
import { Client } from "undici";
import { quantile } from "../statistics.ts";
import type { RoundResult, ToGenerator } from "./protocol.ts";
import {
  prepareRequests,
  shapeOf,
  type BenchKeys,
  type Job,
  type PreparedRequest,
} from "./requests.ts";

let keys: BenchKeys | undefined;
let prepared: { job: Job; requests: PreparedRequest[] } | undefined;

// Every status is checked; of the bodies, the first and then every 64th is parsed and checked too.
const BODY_CHECK_EVERY = 64;

process.on("message", (message: ToGenerator) => {
  void handle(message);
});
// The usage reporter let go of it; here it is what there is to wait for.
process.channel?.ref();

async function handle(message: ToGenerator): Promise<void> {
  switch (message.kind) {
    case "keys":
      keys = message.keys;
      break;
    case "prepare":
      if (keys === undefined) throw new Error("no keys yet");
      prepared = {
        job: message.job,
        requests: prepareRequests(message.job, message.count, keys),
      };
      // What minting left behind is not collected while the clock runs.
      globalThis.gc?.();
      process.send?.({ kind: "prepared" });
      break;
    case "run": {
      if (prepared === undefined) throw new Error("nothing prepared");
      const { job, requests } = prepared;
      prepared = undefined;
      process.send?.(
        await run(job, requests, message.seconds, message.concurrency),
      );
      break;
    }
  }
}

async function run(
  job: Job,
  requests: readonly PreparedRequest[],
  seconds: number,
  concurrency: number,
): Promise<RoundResult> {
  const { origin, pathname } = new URL(job.url);
  const { contentType, status: expected } = shapeOf(job);
  const headers = { "content-type": contentType, accept: "application/json" };
  const clients = Array.from(
    { length: concurrency },
    () =>
      new Client(origin, {
        pipelining: 1,
        ...(job.tls && { connect: { ...job.tls, maxCachedSessions: 0 } }),
      }),
  );
  const latencies = new Float64Array(requests.length);
  let cursor = 0;
  let done = 0;
  let wrong = 0;
  let firstWrong: string | undefined;
  const complain = (text: string): void => {
    wrong++;
    firstWrong ??= text;
  };

  await turn();
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const deadline = start + seconds * 1000;
  let end = start;

  const drive = (client: Client): Promise<void> =>
    new Promise((resolve) => {
      const next = (): void => {
        const sent = performance.now();
        const index = cursor;
        const request = requests[index];
        if (request === undefined || sent >= deadline) {
          resolve();
          return;
        }
        cursor++;
        let status = 0;
        let chunks: Buffer[] = [];
        client.dispatch(
          {
            method: "POST",
            path: pathname,
            headers,
            body: request.body,
            reset: job.fresh ?? false,
          },
          {
            onRequestStart: () => {},
            onResponseStart: (_controller, code) => {
              status = code;
              chunks = [];
            },
            onResponseData: (_controller, chunk) => {
              chunks.push(chunk);
            },
            onResponseEnd: () => {
              end = performance.now();
              latencies[done++] = end - sent;
              if (status !== expected) {
                const text = Buffer.concat(chunks).toString().slice(0, 200);
                complain(`expected status ${expected}, got ${status}: ${text}`);
              } else if (index % BODY_CHECK_EVERY === 0) {
                const problem = checkBody(job, request, Buffer.concat(chunks));
                if (problem !== undefined) complain(problem);
              }
              next();
            },
            onResponseError: (_controller, error) => {
              complain(`request failed: ${error.message}`);
              resolve();
            },
          },
        );
      };
      next();
    });
  await Promise.all(clients.map(drive));

  const { user, system } = process.cpuUsage(cpuBefore);
  await Promise.all(clients.map((client) => client.close()));
  const sorted = latencies.subarray(0, done).sort();
  return {
    kind: "result",
    requests: done,
    seconds: (end - start) / 1000,
    latencyMs: {
      p50: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
      max: quantile(sorted, 1),
    },
    cpuMicroseconds: user + system,
    wrong,
    firstWrong,
  };
}

function checkBody(
  job: Job,
  request: PreparedRequest,
  bytes: Buffer,
): string | undefined {
  const body = JSON.parse(bytes.toString()) as Record<string, unknown>;
  if (!job.kind.endsWith("-token")) {
    const id = body["client_id"];
    return typeof id === "string" && id === (request.clientId ?? id)
      ? undefined
      : "expected the client_id that was asked for, got another";
  }
  const [header = "", , signature] = String(body["access_token"]).split(".");
  const { alg, typ } = JSON.parse(
    Buffer.from(header, "base64url").toString() || "{}",
  ) as Record<string, unknown>;
  return alg === "ES256" && typ === "at+jwt" && signature !== undefined
    ? undefined
    : "expected an access token that is an ES256 JWT of type at+jwt";
}

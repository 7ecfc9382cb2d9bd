import type { BenchKeys, Job } from "./requests.ts";

/** What the load generator is told. */
export type ToGenerator =
  | { readonly kind: "keys"; readonly keys: BenchKeys }
  | { readonly kind: "prepare"; readonly job: Job; readonly count: number }
  | {
      readonly kind: "run";
      readonly seconds: number;
      readonly concurrency: number;
    };

/** What one round came to. Times in seconds unless named otherwise. */
export interface RoundResult {
  readonly kind: "result";
  readonly requests: number;
  readonly seconds: number;
  readonly latencyMs: {
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
  };
  /** Processor time of the load generator itself, in microseconds. */
  readonly cpuMicroseconds: number;
  readonly wrong: number;
  /** The first wrong answer, in words. */
  readonly firstWrong: string | undefined;
}

/** What the flood is told: requests of a rate, whatever becomes of them. */
export interface Flood {
  readonly url: string;
  /** JSON, sent in turns. */
  readonly bodies: readonly string[];
  readonly perSecond: number;
  readonly seconds: number;
}

/** What became of a flood. */
export interface FloodResult {
  readonly kind: "flooded";
  /** Until the last answer was there. */
  readonly seconds: number;
  /** Requests that found no connection. */
  readonly unsent: number;
  readonly unanswered: number;
  /** By status; milliseconds from when the request was due. */
  readonly answers: readonly {
    readonly status: number;
    readonly count: number;
    readonly latencyMs: { readonly p50: number; readonly p99: number };
  }[];
}

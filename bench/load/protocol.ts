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

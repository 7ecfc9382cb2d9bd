import type { BenchKeys } from "../load/requests.ts";

/** One step of a registration and what it costs on its own; means per registration, in microseconds. */
export interface Stage {
  readonly name: string;
  /** Time until all of a batch are done, shared among them. */
  readonly elapsed: number;
  /** Processor time of all threads. */
  readonly cpu: number;
  /** Whether it is a part of the stage above it, not a stage of its own. */
  readonly within: boolean;
}

/** What the stages process is asked. */
export interface StagesRequest {
  readonly kind: "measure";
  /** Where the database goes. */
  readonly directory: string;
  readonly keys: BenchKeys;
  /** Batches measured. */
  readonly batches: number;
}

/** What it answers. */
export interface FromStages {
  readonly kind: "stages";
  readonly stages: readonly Stage[];
}

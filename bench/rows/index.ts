import { coldStart } from "./cold-start.ts";
import { growth } from "./growth.ts";
import { postgres } from "./postgres.ts";
import type { BenchRow } from "./row.ts";
import { sweep } from "./sweep.ts";

/** What is measured beside the comparisons with peers, in this order. */
export const ROWS: readonly BenchRow[] = [coldStart, growth, postgres, sweep];

import type { IntegrityCheck } from "./integrity.ts";

/** Everything the writer needs to open the database. */
export interface WriterOptions {
  readonly path: string;
  readonly busyTimeoutMs: number;
  readonly integrityCheck: IntegrityCheck;
  readonly maxBytes: number | undefined;
  /** Epoch seconds. */
  readonly now: number;
}

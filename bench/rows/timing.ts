import { median } from "../statistics.ts";

/** One thing to time; `run` does it once. */
export interface Timed {
  readonly name: string;
  readonly run: (index: number) => unknown;
}

/**
 * Microseconds of each, one call after the other: batches take turns, so that whatever else the machine does
 * falls on all alike. The first batch of each warms up.
 */
export async function timeInTurns(
  all: readonly Timed[],
  { batches, size }: { readonly batches: number; readonly size: number },
): Promise<readonly number[]> {
  const found = all.map(() => [] as number[]);
  for (let batch = 0; batch <= batches; batch++)
    for (const [index, { run }] of all.entries()) {
      const started = performance.now();
      for (let n = 0; n < size; n++) await run(batch * size + n);
      const each = ((performance.now() - started) * 1000) / size;
      if (batch > 0) found[index]?.push(each);
    }
  return found.map((each) => median(each));
}

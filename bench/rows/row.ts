import { startChild, type Child } from "../children.ts";
import type { RoundResult } from "../load/protocol.ts";
import type { BenchKeys } from "../load/requests.ts";
import { WrongAnswer } from "../measure.ts";
import type { BenchOptions } from "../options.ts";
import type { ServerUnderTest } from "../servers.ts";

/** What a row is given. */
export interface RowContext {
  /** A directory of its own, on the file system to measure. */
  readonly directory: string;
  readonly keys: BenchKeys;
  readonly options: BenchOptions;
  readonly progress: (text: string) => void;
  /** Ends the process with the row, whatever becomes of it. */
  readonly owns: (child: Child) => void;
}

/** What a row found: a table, the first column naming what was measured. */
export interface RowTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One question about speed or size, with its answer. */
export interface BenchRow {
  /** As `--only` takes it. */
  readonly name: string;
  run(context: RowContext): Promise<RowTable>;
}

const GENERATOR = new URL("../load/generator.ts", import.meta.url);

/** A load generator of the row's own. */
export function startGenerator({ keys, owns }: RowContext): Child {
  const generator = startChild(GENERATOR, { execArgv: ["--expose-gc"] });
  owns(generator);
  generator.process.send({ kind: "keys", keys });
  return generator;
}

/** Registers clients by their numbers, as fast as the server takes them. */
export async function registerNumbers(
  generator: Child,
  { registration }: ServerUnderTest,
  first: number,
  count: number,
  concurrency: number,
): Promise<RoundResult> {
  const job = {
    kind: "svid-registration",
    url: registration,
    audience: registration,
    first,
  };
  await generator.ask({ kind: "prepare", job, count }, "prepared");
  const result = await generator.ask<RoundResult>(
    { kind: "run", seconds: 600, concurrency },
    "result",
  );
  if (result.wrong > 0)
    throw new WrongAnswer(`registering: ${result.firstWrong}`);
  return result;
}

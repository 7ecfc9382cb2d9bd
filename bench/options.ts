import { availableParallelism, tmpdir } from "node:os";
import { parseArgs } from "node:util";

/** What the command line chose. */
export interface BenchOptions {
  readonly rounds: number;
  /** Length of a round, in seconds. */
  readonly seconds: number;
  /** Requests under way at once, each on its own connection. */
  readonly concurrency: number;
  /** Where the databases go: a directory on the file system to measure. */
  readonly directory: string;
  /** Only to see that it runs. */
  readonly quick: boolean;
  /** Only the rows whose names contain this; `peers` is the comparison with the peers. */
  readonly only: string | undefined;
  /** Write a CPU profile of Accredit. */
  readonly profile: boolean;
}

const USAGE = `npm run bench -- [options]
  --rounds N        rounds per measurement (default 5)
  --seconds S       seconds per round (default 4)
  --concurrency N   requests under way at once (default 32)
  --dir DIR         directory for the databases (default: the system's temporary directory)
  --quick           2 rounds of 1 second: does it still run?
  --only ROW        only the rows whose names contain this, like growth; peers is the comparison with peers
  --profile         write CPU profiles of Accredit to bench/results`;

/** Reads the command line; a bad one, or --help, ends the process. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string" },
      seconds: { type: "string" },
      concurrency: { type: "string" },
      dir: { type: "string" },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      profile: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  return {
    rounds: Math.round(
      positive("--rounds", values.rounds, values.quick ? 2 : 5),
    ),
    seconds: positive("--seconds", values.seconds, values.quick ? 1 : 4),
    concurrency: Math.round(positive("--concurrency", values.concurrency, 32)),
    directory: values.dir ?? tmpdir(),
    quick: values.quick,
    only: values.only,
    profile: values.profile,
  };
}

function positive(
  name: string,
  text: string | undefined,
  fallback: number,
): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0 && value < 1e6)) {
    console.error(`${name}: expected a positive number\n\n${USAGE}`);
    process.exit(2);
  }
  return value;
}

/** Cores this process may use. */
export const CORES = availableParallelism();

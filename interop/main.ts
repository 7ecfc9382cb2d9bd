/**
 * `npm run interop`: other people's SPIFFE libraries against ours, where their toolchains are there. A Go and a
 * Python program register and get tokens, and go-spiffe judges thousands of made SVIDs and SPIFFE IDs that we
 * judge too. What is skipped is said with why and is no failure; exit code 1 means that something did not hold.
 *
 * `--seed <number>` makes other cases; each run of the same seed makes the same.
 */
import { parseArgs } from "node:util";
import { runClient } from "./clients.ts";
import { compareWithGoSpiffe, DEFAULT_SEED } from "./differential/run.ts";
import {
  buildGoPrograms,
  installPythonPackages,
  Skipped,
} from "./toolchains.ts";

/** The name of a part, what it needs, and what it does; the lines it prints. */
async function part(
  name: string,
  run: () => Promise<readonly string[]>,
): Promise<boolean> {
  const started = performance.now();
  console.log(`\n== ${name}`);
  try {
    for (const line of await run()) console.log(line);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${name}: ok (${seconds} s)`);
    return true;
  } catch (error) {
    if (error instanceof Skipped) {
      console.log(`${name}: skipped, ${error.message}`);
      return true;
    }
    console.error(
      `${name}: FAILED: ${error instanceof Error ? error.message : String(error)}`,
    );
    return false;
  }
}

const { values } = parseArgs({ options: { seed: { type: "string" } } });
const seed = Number(values.seed ?? DEFAULT_SEED);
if (!Number.isSafeInteger(seed))
  throw new RangeError(`--seed: expected a whole number, got ${values.seed}`);

const held = [
  await part("go-spiffe, as a client", async () => {
    const { version, client } = await buildGoPrograms();
    return [version, ...(await runClient(client))];
  }),
  await part("spiffe for Python, as a client", async () => {
    const { version, command, client } = await installPythonPackages();
    return [version, ...(await runClient(command, [client]))];
  }),
  await part("go-spiffe, as a judge", async () => {
    const { verdicts } = await buildGoPrograms();
    return compareWithGoSpiffe(verdicts, seed);
  }),
];
process.exitCode = held.every(Boolean) ? 0 : 1;

/**
 * `npm run interop`: other people's SPIFFE libraries against ours, where their toolchains are there. A Go and a
 * Python program register and get tokens. What is skipped is said with why and is no failure; exit code 1 means
 * that something did not hold.
 */
import { runClient } from "./clients.ts";
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

const held = [
  await part("go-spiffe, as a client", async () => {
    const { version, client } = await buildGoPrograms();
    return [version, ...(await runClient(client))];
  }),
  await part("spiffe for Python, as a client", async () => {
    const { version, command, client } = await installPythonPackages();
    return [version, ...(await runClient(command, [client]))];
  }),
];
process.exitCode = held.every(Boolean) ? 0 : 1;

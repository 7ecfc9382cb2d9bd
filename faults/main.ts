/**
 * `npm run faults`: breaks a running server in every way we know while workloads register, and then looks
 * for each registration, update, deletion and suspension that was acknowledged. Prints one table; exit code 1 means that something was lost
 * or did not hold. `-- --short` does a few rounds of each, for every change.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { actControl, actKills } from "./act-kills.ts";
import { bundleEndpoint } from "./bundle-endpoint.ts";
import { clock } from "./clock.ts";
import { drain } from "./drain.ts";
import { fullDisk } from "./full-disk.ts";
import { control, kills } from "./kills.ts";
import { postgres } from "./postgres.ts";
import { statusEndpoint } from "./status-endpoint.ts";
import { formatOutcomes, type Outcome } from "./scenario.ts";
import { killLeftovers } from "./server-process.ts";

/** How long it may all take, in milliseconds. */
const SHORT_MS = 300_000;
const FULL_MS = 1_800_000;

const args = process.argv.slice(2);
if (args.some((arg) => arg !== "--short")) {
  console.error("usage: npm run faults [-- --short]");
  process.exit(2);
}
const short = args.includes("--short");
const directory = mkdtempSync(join(tmpdir(), "accredit-faults-"));
const outcomes: Outcome[] = [];
const watchdog = setTimeout(
  () => {
    console.error("the faults did not come to an end in time");
    killLeftovers();
    process.exit(1);
  },
  short ? SHORT_MS : FULL_MS,
);
try {
  for (const scenario of [
    kills,
    actKills,
    fullDisk,
    bundleEndpoint,
    statusEndpoint,
    drain,
    clock,
    postgres,
    control,
    actControl,
  ]) {
    const started = performance.now();
    const outcome = await scenario({ directory, short });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stderr.write(`${outcome.name}: ${seconds} s\n`);
    outcomes.push(outcome);
  }
} finally {
  clearTimeout(watchdog);
  killLeftovers();
  rmSync(directory, { recursive: true, force: true });
}
console.log(`\n${formatOutcomes(outcomes)}`);
for (const { name, problems } of outcomes)
  for (const problem of problems) console.log(`${name}: ${problem}`);
process.exitCode = outcomes.some(({ problems }) => problems.length > 0) ? 1 : 0;

/** The command line as a process: what `accredit` runs. */
import { main } from "./main.ts";

// A reader that left (`accredit --help | head`) is no fault of ours and nothing to crash for.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

const LAST_OUTPUT_MS = 1000;

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => stop.abort(name));

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  env: process.env,
  signal: stop.signal,
});
// Everything is done by now. What still holds the process is output that nobody takes.
setTimeout(() => process.exit(), LAST_OUTPUT_MS).unref();

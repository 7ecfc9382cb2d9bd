#!/usr/bin/env -S node --conditions=source --disable-warning=ExperimentalWarning
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// Compiling what the server is made of is most of its start. What was compiled is kept beside the code, where only
// who may change the code may write; where nobody may, the server does without.
enableCompileCache(fileURLToPath(new URL("../.cache", import.meta.url)));
const { main } = await import("../src/cli/main.ts");

// A reader that left (`accredit --help | head`) is no fault of ours and nothing to crash for.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => stop.abort(name));

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  env: process.env,
  signal: stop.signal,
});

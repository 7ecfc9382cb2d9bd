#!/usr/bin/env -S node --conditions=source --disable-warning=ExperimentalWarning
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// Compiling what the server is made of is most of its start. What was compiled is kept beside the code, where only
// who may change the code may write; where nobody may, the server does without. Threads hear of it by the variable.
// This file is JavaScript: TypeScript before the cache is on would bring the compiler into every start.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(
  new URL("../.cache", import.meta.url),
);
enableCompileCache(process.env["NODE_COMPILE_CACHE"]);
await import("../src/cli/process.ts");

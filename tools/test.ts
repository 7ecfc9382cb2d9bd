/**
 * Runs the tests: all of them, or those under the paths given. `npm test -- packages/core` runs one
 * package's. Why a script: the module conditions and the file list stand in one place.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";

const paths = process.argv.slice(2);
const files = (
  paths.length > 0 ? paths : ["packages", "apps", "tools"]
).flatMap((path) =>
  path.endsWith(".test.ts")
    ? [path]
    : globSync(`${path}/**/*.test.ts`, { exclude: ["**/node_modules/**"] }),
);
if (files.length === 0) {
  console.error(`no *.test.ts under ${paths.join(", ")}`);
  process.exit(2);
}

const runner = spawn(
  process.execPath,
  [
    "--conditions=source",
    "--disable-warning=ExperimentalWarning",
    "--test",
    "--test-timeout=120000",
    ...files,
  ],
  { stdio: "inherit" },
);
runner.on("exit", (code) => process.exit(code ?? 1));

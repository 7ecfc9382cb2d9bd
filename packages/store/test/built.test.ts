import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { makeDirectory } from "./support/directory.ts";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

test("the built package finds its writer thread", () => {
  const directory = makeDirectory();
  const compiler = join(
    dirname(require.resolve("typescript/package.json")),
    "bin/tsc",
  );
  // Types are checked elsewhere; what counts here is the JavaScript that comes out.
  spawnSync(process.execPath, [
    compiler,
    "-p",
    join(packageRoot, "tsconfig.build.json"),
    "--outDir",
    join(directory, "dist"),
  ]);
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
  symlinkSync(
    join(packageRoot, "../../node_modules"),
    join(directory, "node_modules"),
  );
  writeFileSync(
    join(directory, "use.js"),
    `import { openSqliteStore } from "./dist/index.js";
const store = await openSqliteStore({ path: "a.db", clock: { now: () => 1 } });
await store.revokeToken("t", "c", 9, { id: "a", time: 1, code: null, reasons: [], rule: null, credential: null, remote: null });
console.log(await store.isTokenRevoked("t"));
await store.close();
`,
  );
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--conditions=source", "use.js"],
    { cwd: directory, encoding: "utf8" },
  );
  assert.deepEqual({ stdout, status }, { stdout: "true\n", status: 0 }, stderr);
});

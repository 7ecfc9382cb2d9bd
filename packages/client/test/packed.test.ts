import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

test("both packages hold all they need when packed from a checkout", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "accredit-packed-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const scope = join(directory, "node_modules", "@accredit");
  for (const name of ["workload-api", "client"]) {
    await run("npm", ["pack", "--silent", "--pack-destination", directory], {
      cwd: join(ROOT, "packages", name),
    });
    const home = join(scope, name);
    await mkdir(home, { recursive: true });
    const archive = join(directory, `accredit-${name}-0.1.0.tgz`);
    await run("tar", ["-xzf", archive, "-C", home, "--strip-components=1"]);
    const manifest = JSON.parse(
      await readFile(join(home, "package.json"), "utf8"),
    ) as { exports: { ".": Record<string, string> } };
    for (const file of [
      "LICENSE",
      "README.md",
      ...Object.values(manifest.exports["."]),
    ])
      await readFile(join(home, file));
  }
  for (const name of ["@bufbuild", "@connectrpc"])
    await symlink(
      join(ROOT, "node_modules", name),
      join(directory, "node_modules", name),
    );
  const script = `
    import { createTokenSource } from "@accredit/client";
    import { createX509Source } from "@accredit/workload-api";
    createX509Source({ address: "unix:///nowhere" }).close();
    const tokens = createTokenSource({
      issuer: "https://as.example",
      workloadApi: "unix:///nowhere",
    });
    await tokens.close();
    console.log("both work");`;
  const { stdout } = await run(
    process.execPath,
    ["--input-type=module", "--eval", script],
    { cwd: directory, env: { ...process.env, NODE_OPTIONS: "" } },
  );
  assert.equal(stdout.trim(), "both work");
});

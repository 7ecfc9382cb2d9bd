import assert from "node:assert/strict";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "@accredit/testkit";
import { ensureDirectory } from "../../src/dev/private-files.ts";
import { runCli } from "../cli/run-cli.ts";
import { temporaryDirectory } from "./harness.ts";

test("makes a directory and those above it, and leaves one alone that is there", async (t) => {
  const top = await temporaryDirectory(t);
  const deep = join(top, "a", "b", "c");
  await Promise.all([ensureDirectory(deep, 0o700), ensureDirectory(deep)]);
  await ensureDirectory(deep);
  assert.ok((await stat(deep)).isDirectory());
  await mkdir(join(top, "other"), { mode: 0o750 });
  await ensureDirectory(join(top, "other"), 0o700);
  assert.equal((await stat(join(top, "other"))).mode & 0o777, 0o750);
});

test("a file in the way is told, with the path that was wanted", async (t) => {
  const file = join(await temporaryDirectory(t), "file");
  await writeFile(file, "precious");
  for (const path of [file, join(file, "below")]) {
    await assert.rejects(ensureDirectory(path), (error: Error) =>
      error.message.startsWith(`${path}: no directory can be made there`),
    );
  }
});

// In /proc a mkdir fails as if the parent were missing, which it is not.
for (const command of ["dev", "quickstart"]) {
  test(`[SEC-06] ${command} --dir where no directory can be made ends with one line`, async () => {
    const port = command === "dev" ? [] : ["--port", String(await freePort())];
    const { code, stdout, stderr } = await runCli([
      command,
      "--dir",
      "/proc/accredit/deep",
      ...port,
    ]);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /^accredit: \/proc\/accredit\/deep\S*: no directory can be made there \([^\n]+\)\n$/,
    );
  });
}

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { DevStatus } from "../../src/dev/control-commands.ts";
import { runCli, startCli } from "../cli/run-cli.ts";
import { temporaryDirectory } from "./harness.ts";

test("dev starts, rotates and tells its state on command, and leaves no socket on Ctrl-C", async (t) => {
  const dir = join(await temporaryDirectory(t), "state");
  const running = startCli(["dev", "--dir", dir, "--bundle-port", "0"]);
  t.after(() => running.process.kill("SIGKILL"));
  await running.says("https_spiffe");

  const status = async (...args: string[]): Promise<DevStatus> => {
    const { code, stdout, stderr } = await runCli(["dev", ...args, "--json"]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as DevStatus;
  };
  const states = ({ authorities }: DevStatus): string[] =>
    Object.values(authorities).map((of) => of.map(({ state }) => state).join());
  // The folder may be named before the command or after it.
  const before = await status("--dir", dir, "status");
  assert.deepEqual(states(before), ["active", "active", "active"]);
  assert.ok(running.stdout().includes(before.spiffe_bundle_url));
  const one = await status("rotate", "--x509", "--prepare", "--dir", dir);
  assert.deepEqual(states(one), ["active", "active,prepared", "active"]);
  const all = await status("rotate", "--dir", dir);
  assert.deepEqual(states(all), ["old,active", "old,old,active", "old,active"]);
  const last = await status("rotate", "--retire", "--dir", dir);
  assert.deepEqual(states(last), ["active", "active", "active"]);
  assert.notDeepEqual(last.authorities, before.authorities);

  const { code, stdout } = await runCli(["dev", "status", "--dir", dir]);
  assert.equal(code, 0);
  assert.ok(stdout.includes(`  jwt  active    ${last.authorities.jwt[0]?.id}`));

  running.process.kill("SIGINT");
  const { code: stopCode, stderr } = await running.finished();
  assert.deepEqual([stopCode, stderr], [0, ""]);
  const left = await readdir(dir);
  assert.deepEqual(
    left.filter((name) => name.endsWith(".sock")),
    [],
  );
});

test("[SEC-06] status and rotate say where nothing runs, and refuse what they do not know", async (t) => {
  const dir = await temporaryDirectory(t);
  for (const command of ["status", "rotate"]) {
    const { code, stdout, stderr } = await runCli([
      "dev",
      command,
      "--dir",
      dir,
    ]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      `accredit: no development trust domain runs in ${dir}: start one with accredit dev --dir ${dir}\n`,
    );
  }
  const { code } = await runCli(["dev", "rotate", "--dir", dir, "--tls"]);
  assert.equal(code, 2);
});

import assert from "node:assert/strict";
import { spawn, spawnSync, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FakeAuthority, freePort } from "@accredit/testkit";
import { send } from "./running-accredit.ts";

const BIN = fileURLToPath(new URL("../../bin/accredit.js", import.meta.url));
/** Enough lines to fill a pipe several times. */
const REQUESTS = 2000;
const AT_ONCE = 50;

/** Starts a server whose log goes where nobody takes it, has it serve, and stops it. */
async function assertServesAndStops(
  t: TestContext,
  stdout: (dir: string) => "pipe" | number,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "accredit-log-"));
  const authority = await FakeAuthority.create({ trustDomain: "example.org" });
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  await writeFile(join(dir, "bundle.json"), authority.bundleDocument());
  await writeFile(
    join(dir, "accredit.yaml"),
    `issuer: ${issuer}
listen: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: 0 }
store: { url: "sqlite:./accredit.db" }
trust: [{ kind: spiffe, trust_domain: example.org, bundle: { file: ./bundle.json } }]
policy:
  - name: all
    match: { trust: example.org, subject: "spiffe://example.org/**" }
    allow: { grant_types: [client_credentials], token_endpoint_auth_methods: [spiffe_jwt] }
`,
  );
  const output = stdout(dir);
  const stdio: StdioOptions = ["ignore", output, "ignore"];
  const server = spawn(
    process.execPath,
    [
      "--conditions=source",
      "--disable-warning=ExperimentalWarning",
      BIN,
      "serve",
      "--config",
      join(dir, "accredit.yaml"),
    ],
    { stdio },
  );
  const exited = once(server, "exit");
  t.after(async () => {
    server.kill("SIGKILL");
    server.stdout?.destroy();
    await rm(dir, { recursive: true, force: true });
  });
  while (
    !(await send(`${issuer}/jwks`, {}).then(
      () => true,
      () => false,
    ))
  ) {
    assert.equal(server.exitCode, null);
    await delay(50);
  }
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, () => send(`${issuer}/jwks`, {})),
    );
    assert.ok(answers.every(({ status }) => status === 200));
  }
  server.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
}

test(
  "[Q24] with its log on a full disk the server serves, and stops when told to",
  {
    skip: existsSync("/dev/full") ? false : "needs /dev/full",
    timeout: 60_000,
  },
  async (t) => {
    const full = openSync("/dev/full", "w");
    t.after(() => closeSync(full));
    await assertServesAndStops(t, () => full);
  },
);

test(
  "[Q24] with its log in a socket that nobody reads the server serves, and stops when told to",
  { timeout: 60_000 },
  async (t) => {
    await assertServesAndStops(t, () => "pipe");
  },
);

test(
  "[Q24] with its log in a pipe that nobody reads the server serves, and stops when told to",
  {
    skip: process.platform === "win32" ? "needs named pipes" : false,
    timeout: 60_000,
  },
  async (t) => {
    await assertServesAndStops(t, (dir) => {
      const pipe = join(dir, "pipe");
      assert.equal(spawnSync("mkfifo", [pipe]).status, 0);
      // For reading too, so that opening does not wait for a reader.
      const both = openSync(pipe, constants.O_RDWR);
      t.after(() => closeSync(both));
      return both;
    });
  },
);

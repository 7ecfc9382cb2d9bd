import assert from "node:assert/strict";
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { text } from "node:stream/consumers";
import { createWorkloadApiClient } from "@accredit/workload-api";
import { callControl } from "../../src/dev/control-client.ts";
import type { DevStatus } from "../../src/dev/control-commands.ts";
import {
  defaultWorkloads,
  startDevIssuers,
  type DevIssuers,
} from "../../src/dev/start.ts";
import { temporaryDirectory } from "./harness.ts";

const trustDomain = "example.org";

async function startIssuers(t: TestContext, dir: string): Promise<DevIssuers> {
  const issuers = await startDevIssuers({
    dir,
    trustDomain,
    bundlePort: 0,
    spiffeBundlePort: 0,
    credentialPort: 0,
    workloads: defaultWorkloads(trustDomain),
  });
  t.after(() => issuers.close());
  return issuers;
}

function ask(
  socketPath: string,
  path: string,
  { method = "POST", body = "{}" } = {},
): Promise<{ status: number | undefined; error: unknown }> {
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath, path, method, agent: false },
      (response) => {
        text(response).then((answer) => {
          const { error } = JSON.parse(answer) as Record<string, unknown>;
          return resolve({ status: response.statusCode, error });
        }, reject);
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

test("status tells where everything is, from the folder or from a quickstart's", async (t) => {
  const top = await temporaryDirectory(t);
  const dir = join(top, "trust-domain");
  const issuers = await startIssuers(t, dir);
  const status = (await callControl(dir, "status", {})) as DevStatus;
  assert.deepEqual(await callControl(top, "status", {}), status);
  assert.equal(status.trust_domain, trustDomain);
  assert.equal(status.workload_api, issuers.workloadApiAddress);
  assert.equal(status.bundle_url, issuers.bundleUrl);
  assert.equal(status.spiffe_bundle_url, issuers.spiffeBundleUrl);
  assert.equal(status.bundle_file, join(dir, "bundle.json"));
  assert.equal(status.sequence, 1);
  assert.doesNotMatch(JSON.stringify(status), /"d"|privateKey|PRIVATE/);
});

test("rotate does what it is told and tells what came of it", async (t) => {
  const dir = await temporaryDirectory(t);
  const { authorities } = await startIssuers(t, dir);
  const first = authorities.active("x509").id;
  const { authorities: told, sequence } = (await callControl(dir, "rotate", {
    kinds: ["x509"],
  })) as DevStatus;
  assert.deepEqual(told.x509, [
    { id: first, state: "old" },
    { id: authorities.active("x509").id, state: "active" },
  ]);
  assert.equal(sequence, 2);
  await assert.rejects(
    callControl(dir, "rotate", { steps: ["activate"] }),
    /^Error: no jwt, x509, wit authority is prepared: prepare one first$/,
  );
});

test("refuses what is no command or no input of one, and goes on", async (t) => {
  const dir = await temporaryDirectory(t);
  const { controlSocket } = await startIssuers(t, dir);
  for (const [path, options, status, error] of [
    ["/", {}, 404, /no such command; there are: status, rotate/],
    ["/status?x", {}, 404, /no such command/],
    ["/status", { method: "GET", body: "" }, 405, /POST/],
    ["/status", { body: "" }, 400, /expected object/],
    ["/status", { body: "{" }, 400, /expected object/],
    ["/status", { body: "[]" }, 400, /expected object/],
    ["/status", { body: '{"x":1}' }, 400, /"x"/],
    ["/rotate", { body: '{"kinds":["tls"]}' }, 400, /kinds/],
    ["/rotate", { body: '{"kinds":[]}' }, 400, /kinds/],
    ["/rotate", { body: '{"steps":["drop"]}' }, 400, /steps/],
    ["/status", { body: " ".repeat(2_000_000) }, 413, /1048576 bytes/],
  ] as const) {
    const answer = await ask(controlSocket, path, options);
    assert.equal(answer.status, status, path);
    assert.match(String(answer.error), error);
  }
  await callControl(dir, "status", {});
});

test("the control socket is the owner's alone, and nothing is left of any socket after close", async (t) => {
  const dir = join(await temporaryDirectory(t), "state");
  const issuers = await startIssuers(t, dir);
  const { mode } = await lstat(issuers.controlSocket);
  assert.equal((mode & 0o777).toString(8), "600");
  // Somebody who connects and says nothing does not hold it up.
  const silent = connect({ path: issuers.controlSocket });
  await once(silent, "connect");
  await Promise.all([issuers.close(), issuers.close()]);
  silent.destroy();
  assert.deepEqual((await readdir(dir)).sort(), [
    "bundle.json",
    "ca-key.pem",
    "ca.pem",
    "credential-issuer.json",
    "keys.json",
    "lock",
  ]);
});

test("a second domain does not start in a folder, and a stopped one is told", async (t) => {
  const dir = join(await temporaryDirectory(t), "state");
  const issuers = await startIssuers(t, dir);
  await assert.rejects(
    startIssuers(t, dir),
    /already runs development issuers in this folder/,
  );
  await callControl(dir, "status", {});
  await issuers.close();
  for (const folder of [dir, join(dir, "nowhere"), join(dir, "ca.pem")]) {
    await assert.rejects(
      callControl(folder, "status", {}),
      new RegExp(`^Error: no development trust domain runs in ${folder}: `),
    );
  }
});

test("a folder too deep for a socket works as any other, and keeps out a second domain, too", async (t) => {
  const dir = join(await temporaryDirectory(t), "x".repeat(100), "state");
  await mkdir(dir, { recursive: true });
  const issuers = await startIssuers(t, dir);
  const status = (await callControl(dir, "status", {})) as DevStatus;
  const client = createWorkloadApiClient({ address: status.workload_api });
  t.after(() => client.close());
  assert.equal((await client.fetchX509Svid()).svids.length, 2);
  await assert.rejects(
    startIssuers(t, dir),
    /already runs development issuers in this folder/,
  );
  const socket = status.workload_api.slice("unix://".length);
  assert.ok((await stat(socket)).isSocket());
  await issuers.close();
  await assert.rejects(stat(socket), { code: "ENOENT" });
  await assert.rejects(lstat(issuers.controlSocket), { code: "ENOENT" });
  const again = await startIssuers(t, dir);
  assert.equal(again.bundle(), issuers.bundle());
});

test("a second domain does not start where the first one's socket is gone, or not yet there", async (t) => {
  const dir = join(await temporaryDirectory(t), "state");
  const issuers = await startIssuers(t, dir);
  await rm(issuers.controlSocket);
  await assert.rejects(startIssuers(t, dir), /already runs/);
  await issuers.close();
  await (await startIssuers(t, dir)).close();
});

for (const killed of [false, true]) {
  test(`of two that start at once in ${killed ? "the folder of one that was killed" : "a new folder"} one runs, and the folder holds what it serves`, async (t) => {
    const dir = await temporaryDirectory(t);
    if (killed) await leaveSocket(join(dir, "control.sock"));
    const started = await Promise.allSettled(
      Array.from({ length: 3 }, () => startIssuers(t, dir)),
    );
    const running = started.filter((each) => each.status === "fulfilled");
    assert.equal(running.length, 1);
    for (const each of started)
      if (each.status === "rejected")
        assert.match(String(each.reason), /another process already runs/);
    const [one] = running;
    assert.equal(
      await readFile(join(dir, "bundle.json"), "utf8"),
      one?.value.bundle(),
    );
  });
}

/** Leaves a socket that nobody listens on, as a process that is killed does. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}.listening`);
  await once(server, "listening");
  // Closing removes it by the name that it was made under.
  await rename(`${path}.listening`, path);
  server.close();
  await once(server, "close");
}

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FakeAuthority, freePort } from "@accredit/testkit";
import { send, WORKLOAD } from "./running-accredit.ts";

const BIN = fileURLToPath(new URL("../../bin/accredit.js", import.meta.url));
/** Descriptors that the server may have; its listeners and database take two thirds of them. */
const DESCRIPTORS = 256;
/** More connections than there can be descriptors for. */
const CONNECTIONS = 400;

test(
  "[Q18] a server that has no descriptor left for a connection goes on when there are some again",
  {
    skip: process.platform === "linux" ? false : "limits a process by prlimit",
  },
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), "accredit-few-"));
    const authority = await FakeAuthority.create({
      trustDomain: "example.org",
    });
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
    const server = spawn(
      "sh",
      [
        "-c",
        `ulimit -n ${DESCRIPTORS}; exec "$@"`,
        "sh",
        process.execPath,
        "--conditions=source",
        "--disable-warning=ExperimentalWarning",
        BIN,
        "serve",
        "--config",
        join(dir, "accredit.yaml"),
      ],
      { stdio: "ignore" },
    );
    const exited = once(server, "exit");
    const sockets: Socket[] = [];
    t.after(async () => {
      for (const socket of sockets) socket.destroy();
      server.kill("SIGKILL");
      await exited;
      await rm(dir, { recursive: true, force: true });
    });
    const descriptors = async (): Promise<number> =>
      (await readdir(`/proc/${server.pid}/fd`)).length;
    const register = async () => {
      const iat = Math.floor(Date.now() / 1000);
      const software_statement = await authority.jwtSvid({
        sub: WORKLOAD,
        iss: "spiffe://example.org",
        aud: `${issuer}/register`,
        iat,
        exp: iat + 300,
      });
      return send(`${issuer}/register`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ software_statement }),
      });
    };
    const untilRegistered = async (): Promise<void> => {
      for (;;) {
        assert.equal(server.exitCode, null);
        const answer = await register().catch(() => undefined);
        if (answer?.status === 201) return;
        await delay(50);
      }
    };
    await untilRegistered();

    for (let n = 0; n < CONNECTIONS; n++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      sockets.push(socket);
    }
    // One is always in and out: libuv gives it up to turn a connection away.
    while ((await descriptors()) < DESCRIPTORS - 2) await delay(20);
    for (const socket of sockets) socket.destroy();
    await untilRegistered();
    server.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null]);
  },
);

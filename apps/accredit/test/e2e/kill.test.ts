import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { FakeAuthority, freePort } from "@accredit/testkit";
import { startCli, type Running } from "../cli/run-cli.ts";
import { clientCredentials, send } from "./running-accredit.ts";

/** More rounds: ACCREDIT_KILL_ROUNDS=100 npm test -- apps/accredit/test/e2e/kill.test.ts */
const ROUNDS = Number(process.env["ACCREDIT_KILL_ROUNDS"] ?? 3);
const CALLERS = 8;

test("[Q01] what the server acknowledged over HTTP is there after SIGKILL, round after round", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "accredit-kill-"));
  const authority = await FakeAuthority.create({ trustDomain: "example.org" });
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  await writeFile(join(dir, "bundle.json"), authority.bundleDocument());
  await writeFile(
    join(dir, "accredit.yaml"),
    `issuer: ${issuer}
listen: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: 0 }
limits: { max_event_loop_delay: 1m }
store: { url: "sqlite:./accredit.db" }
trust: [{ kind: spiffe, trust_domain: example.org, bundle: { file: ./bundle.json } }]
policy:
  - name: all
    match: { trust: example.org, subject: "spiffe://example.org/**" }
    allow: { grant_types: [client_credentials], token_endpoint_auth_methods: [spiffe_jwt] }
`,
  );
  let server: Running | undefined;
  t.after(async () => {
    server?.process.kill("SIGKILL");
    await rm(dir, { recursive: true, force: true });
  });
  const start = async (): Promise<Running> => {
    const started = startCli(["serve", "--config", join(dir, "accredit.yaml")]);
    await started.says('"msg":"listening"');
    return started;
  };
  const mint = async (sub: string, aud: string): Promise<string> => {
    const iat = Math.floor(Date.now() / 1000);
    return authority.jwtSvid({
      sub,
      aud,
      iss: "example.org",
      iat,
      exp: iat + 300,
    });
  };

  const acknowledged: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    server = await start();
    const killed = { now: false };
    const before = acknowledged.length;
    const call = async (caller: number): Promise<void> => {
      for (let n = 0; !killed.now; n++) {
        const sub = `spiffe://example.org/round-${round}/caller-${caller}/${n}`;
        const body = JSON.stringify({
          software_statement: await mint(sub, `${issuer}/register`),
        });
        const answer = await send(`${issuer}/register`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body,
        }).catch(() => undefined);
        if (answer === undefined) return;
        assert.equal(answer.status, 201, answer.text);
        acknowledged.push(sub);
      }
    };
    const callers = Array.from({ length: CALLERS }, (_, caller) =>
      call(caller),
    );
    // However slow the machine is, each round has something to lose.
    while (acknowledged.length <= before + CALLERS) await delay(10);
    await delay(Math.random() * 300);
    server.process.kill("SIGKILL");
    killed.now = true;
    await Promise.all(callers);
    await server.finished();
  }

  server = await start();
  for (const sub of acknowledged) {
    const { status } = await send(`${issuer}/token`, {
      method: "POST",
      body: new URLSearchParams(clientCredentials(await mint(sub, issuer))),
    });
    assert.equal(status, 200, sub);
  }
  server.process.kill("SIGTERM");
  assert.equal((await server.finished()).code, 0);
});

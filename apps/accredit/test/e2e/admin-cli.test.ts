import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { main } from "../../src/cli/main.ts";
import {
  clientCredentials,
  startAccredit,
  WORKLOAD,
} from "./running-accredit.ts";

const OTHER = "spiffe://example.org/ns/prod/agent/bob";

/** Runs a command in this process. */
async function runCli(args: readonly string[]) {
  const written = { out: "", err: "" };
  const code = await main(args, {
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    env: {},
    signal: new AbortController().signal,
  });
  return { code, ...written };
}

/** A server with two clients, and the CLI that speaks to its admin listener. */
async function startWithClients(t: TestContext) {
  const accredit = await startAccredit(t, { adminToken: "admin-token-1" });
  for (const sub of [WORKLOAD, OTHER]) {
    const software_statement = await accredit.statement({ sub });
    await accredit.register({ software_statement });
  }
  const tokenFile = join(dirname(accredit.databaseFile), "admin-token");
  const cli = (...args: string[]) =>
    runCli([...args, "--admin", accredit.adminUrl, "--token-file", tokenFile]);
  const token = async (sub: string) =>
    (await accredit.token(clientCredentials(await accredit.assertion({ sub }))))
      .status;
  return { accredit, cli, token, tokenFile };
}

test("the CLI lists, shows, suspends, resumes and deletes clients", async (t) => {
  const { cli, token } = await startWithClients(t);
  const listed = await cli("clients", "list");
  assert.equal(listed.code, 0);
  assert.match(listed.out, /alice +active +agents/);
  assert.match(listed.out, /2 clients/);
  const json = await cli("clients", "list", "--json", "--limit", "1");
  assert.equal(JSON.parse(json.out).clients.length, 1);

  const shown = await cli("clients", "show", WORKLOAD);
  assert.match(shown.out, /standing = active/);
  assert.match(shown.out, /scope = read {2}\[template\]/);

  assert.equal(await token(WORKLOAD), 200);
  const suspended = await cli("clients", "suspend", WORKLOAD, "--reason", "x");
  assert.equal(suspended.code, 0);
  assert.equal(await token(WORKLOAD), 401);
  assert.equal(await token(OTHER), 200);
  assert.match(
    (await cli("clients", "show", WORKLOAD)).out,
    /standing = suspended/,
  );
  assert.equal((await cli("clients", "resume", WORKLOAD)).code, 0);
  assert.equal((await cli("clients", "resume", WORKLOAD)).code, 1);
  assert.equal(await token(WORKLOAD), 200);
  assert.equal((await cli("clients", "delete", WORKLOAD)).code, 0);
  assert.equal(await token(WORKLOAD), 401);
  const gone = await cli("clients", "suspend", WORKLOAD);
  assert.equal(gone.code, 1);
  assert.match(gone.err, /no client has this client_id/);
});

test("suspending an issuer shows first what it hits, and changes nothing without --yes", async (t) => {
  const { cli, token } = await startWithClients(t);
  const preview = await cli("issuers", "suspend", "example.org");
  assert.equal(preview.code, 0);
  assert.match(preview.out, /would suspend 2 clients/);
  assert.equal(await token(WORKLOAD), 200);
  const typo = await cli("issuers", "suspend", "exmaple.org", "--yes");
  assert.equal(typo.code, 1);
  assert.match(typo.err, /expected one of example\.org/);

  const done = await cli("issuers", "suspend", "example.org", "--yes");
  assert.match(done.out, /suspended 2 clients/);
  assert.equal(await token(WORKLOAD), 401);
  const list = await cli("issuers", "list");
  assert.match(list.out, /trust example\.org since/);
  await cli("issuers", "resume", "example.org");
  assert.equal(await token(OTHER), 200);

  const folder = "spiffe://example.org/ns/*/agent";
  const bad = await cli("issuers", "suspend", `${folder}/b*`, "--subject");
  assert.equal(bad.code, 1);
  assert.match(bad.err, /a whole segment may be \*/);
  const rule = await cli("issuers", "suspend", "agnts", "--rule", "--yes");
  assert.equal(rule.code, 1);
  assert.match(rule.err, /expected one of the policy rules \(agents/);
  const none = await cli("issuers", "suspend", `${folder}/b/*`, "--subject");
  assert.match(none.out, /would suspend 0 clients/);
  assert.equal(
    (await cli("issuers", "suspend", "agents", "--rule", "--yes")).code,
    0,
  );
  assert.equal(await token(OTHER), 401);
  assert.equal((await cli("issuers", "refresh", "example.org")).code, 0);
});

test("the audit trail is listed, explained by id, and verified; tampering shows", async (t) => {
  const { accredit, cli } = await startWithClients(t);
  const refused = await accredit.register({
    software_statement: await accredit.statement({
      sub: "spiffe://example.org/elsewhere",
    }),
  });
  const id = String(refused.headers.get("x-request-id"));
  const list = await cli("audit", "list", "--action", "registration.refused");
  assert.match(list.out, new RegExp(id));
  const newest = await cli("audit", "list", "--limit", "1", "--json");
  const { next } = JSON.parse(newest.out) as { next: number };
  const older = await cli("audit", "list", "--before", String(next));
  assert.equal(older.out.trim().split("\n").length, 2);
  for (const wrong of ["0", "-2", "abc", "1.5"]) {
    const limited = [`--limit=${wrong}`];
    assert.equal((await cli("audit", "list", ...limited)).code, 2, wrong);
    assert.equal((await cli("clients", "list", ...limited)).code, 2, wrong);
  }
  const shown = await cli("audit", "show", id);
  assert.match(shown.out, /no policy rule matches/);
  assert.match(shown.out, /fingerprint = /);

  const explained = await cli("explain", "--id", id);
  assert.equal(explained.out, shown.out, "explain says the same of the past");

  const verified = await cli("audit", "verify");
  assert.equal(verified.code, 0);
  const head = /head = ([0-9a-f]{64})/.exec(verified.out)?.[1] ?? "";
  assert.equal((await cli("audit", "verify", "--head", head)).code, 0);
  const place = `3:${head}`;
  assert.match(verified.out, new RegExp(`after = ${place}\n`));
  const since = await cli("audit", "verify", "--after", place, "--json");
  assert.equal(since.code, 0, since.err);
  assert.equal(JSON.parse(since.out).rows, 0);
  const moved = await cli("audit", "verify", "--after", `2:${head}`);
  assert.equal(moved.code, 1);
  assert.match(moved.err, /expected row 2 to have the given chain value/);
  assert.equal((await cli("audit", "verify", "--after", "x")).code, 2);
  const cut = await cli("audit", "verify", "--head", "0".repeat(64));
  assert.equal(cut.code, 1);
  assert.match(cut.err, /cut off/);

  const db = new DatabaseSync(accredit.databaseFile);
  db.exec("DROP TRIGGER audit_no_update");
  db.exec("UPDATE audit SET rule = 'another' WHERE seq = 1");
  db.close();
  const broken = await cli("audit", "verify");
  assert.equal(broken.code, 1);
  assert.match(broken.err, /from row 1 \(.+\) on: expected the chain value/);
});

test("a long trail is verified section by section, each after the one before", async (t) => {
  const { tokenFile } = await startWithClients(t);
  const chain = (n: number): string => String(n).repeat(64);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://admin");
    searchParams.delete("limit");
    asked.push(searchParams.toString());
    const sequence = asked.length * 7;
    response.end(
      JSON.stringify({
        rows: 7,
        unchained: asked.length === 1 ? 2 : 0,
        sequence,
        head: chain(asked.length),
        complete: asked.length === 3,
        anchored: searchParams.get("head") === null || asked.length === 2,
        broken: null,
      }),
    );
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const verify = (...more: string[]) => {
    asked.length = 0;
    const to = ["--admin", `http://127.0.0.1:${port}`];
    const by = ["--token-file", tokenFile];
    return runCli(["audit", "verify", "--json", ...to, ...by, ...more]);
  };
  const { code, out } = await verify();
  assert.equal(code, 0);
  assert.deepEqual(asked, [
    "",
    `after=7&chain=${chain(1)}`,
    `after=14&chain=${chain(2)}`,
  ]);
  const { rows, unchained, sequence } = JSON.parse(out) as {
    readonly [name: string]: unknown;
  };
  assert.deepEqual([rows, unchained, sequence], [21, 2, 21]);
  const head = await verify("--after", `5:${chain(9)}`, "--head", chain(2));
  assert.equal(head.code, 0, head.err);
  assert.equal(asked[0], `after=5&chain=${chain(9)}&head=${chain(2)}`);
});

test("without the token, or without a server, a command says what to do", async (t) => {
  const { tokenFile, accredit } = await startWithClients(t);
  const admin = ["--admin", accredit.adminUrl];
  const none = await runCli(["clients", "list", ...admin]);
  assert.equal(none.code, 2);
  assert.match(none.err, /--token-file/);
  await writeFile(`${tokenFile}-2`, "wrong");
  const wrong = await runCli([
    "clients",
    "list",
    ...admin,
    "--token-file",
    `${tokenFile}-2`,
  ]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /expected the admin bearer token/);
  assert.doesNotMatch(wrong.err + wrong.out, /wrong/);
  const nobody = await runCli([
    "clients",
    "list",
    "--admin",
    "http://127.0.0.1:9",
    "--token-file",
    tokenFile,
  ]);
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /cannot be reached/);
});

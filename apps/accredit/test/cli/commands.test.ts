import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { FakeAuthority, freePort } from "@accredit/testkit";
import { runCli, startCli } from "./run-cli.ts";

const COMMANDS = [
  "serve",
  "quickstart",
  "dev",
  "config check",
  "config schema",
  "migrate",
  "backup",
  "explain",
  "register",
  "token",
];

test("every command has --help that names its options, and exits 0", async () => {
  const answers = await Promise.all(
    COMMANDS.map((command) => runCli([...command.split(" "), "--help"])),
  );
  for (const [index, { code, stdout }] of answers.entries()) {
    assert.equal(code, 0, COMMANDS[index]);
    assert.match(stdout, /^Usage: accredit /, COMMANDS[index]);
    assert.match(stdout, /--json/, COMMANDS[index]);
  }
});

test("a command that is used wrongly says how on standard error and exits 2", async () => {
  const wrong = [
    [],
    ["nonsense"],
    ["serve"],
    ["register"],
    ["token", "--server"],
    ["explain", "--config", "x"],
    ["dev", "--bundle-port", "x"],
    ["quickstart", "--port", "0"],
    ["quickstart", "--port", "65534"],
  ];
  const answers = await Promise.all(wrong.map((args) => runCli(args)));
  for (const [index, { code, stderr }] of answers.entries()) {
    assert.equal(code, 2, wrong[index]?.join(" "));
    assert.notEqual(stderr, "", wrong[index]?.join(" "));
  }
});

test("[SEC-06] what the world refuses is one line and no stack: a busy port or a store that is none, and options that cannot be read", async (t) => {
  const dir = await directory(t);
  const busy = createServer().listen(0, "127.0.0.1");
  t.after(() => busy.close());
  await once(busy, "listening");
  const { port } = busy.address() as AddressInfo;
  const noStore = join(dir, "no-store.yaml");
  await writeFile(join(dir, "file"), "no database");
  await writeFile(
    noStore,
    configuration().replace("sqlite:./accredit.db", "sqlite:./file"),
  );
  const dev = ["dev", "--dir", join(dir, "dev"), "--bundle-port", String(port)];
  for (const [expected, ...args] of [
    [1, ...dev],
    [2, ...dev, "--trust-domain", "No Domain"],
    [2, ...dev, "--workloads", join(dir, "missing")],
    [1, "quickstart", "--dir", join(dir, "quick"), "--port", `${port - 2}`],
    [1, "serve", "--config", noStore],
  ] as const) {
    const { code, stderr } = await runCli(args);
    assert.equal(code, expected, args.join(" "));
    assert.match(stderr, /^accredit: [^\n]+\n$/, args.join(" "));
  }
});

async function directory(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "accredit-cli-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function configuration(port = 0): string {
  return `issuer: http://127.0.0.1:${port === 0 ? 8700 : port}
listen: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: 0 }
store: { url: "sqlite:./accredit.db" }
trust: [{ kind: spiffe, trust_domain: example.org, bundle: { file: ./bundle.json } }]
policy:
  - name: agents
    match: { trust: example.org, subject: "spiffe://example.org/agent/*" }
    allow: { grant_types: [client_credentials], scopes: [read], token_endpoint_auth_methods: [spiffe_jwt] }
    template: { scope: read }
`;
}

test("migrate makes the database once, and says where it cannot", async (t) => {
  const dir = await directory(t);
  const file = join(dir, "accredit.yaml");
  await writeFile(file, configuration());
  for (const run of ["first", "second"]) {
    const { code, stdout, stderr } = await runCli([
      "migrate",
      "--config",
      file,
      "--json",
    ]);
    assert.equal(code, 0, `${run}: ${stderr}`);
    assert.deepEqual(JSON.parse(stdout), { migrated: true, store: "sqlite" });
  }
  await writeFile(join(dir, "file"), "no database");
  await writeFile(
    file,
    configuration().replace("sqlite:./accredit.db", "sqlite:./file"),
  );
  const { code, stderr } = await runCli(["migrate", "--config", file]);
  assert.equal(code, 1);
  assert.match(stderr, /^accredit: [^\n]+\n$/);
});

test("config check lists every problem at once and exits 2; a good file exits 0", async (t) => {
  const dir = await directory(t);
  const bad = join(dir, "bad.yaml");
  await writeFile(bad, "issuer: ftp://x\ntrust: []\nlisen: {}\n");
  const refused = await runCli(["config", "check", bad]);
  assert.equal(refused.code, 2);
  for (const expected of [/issuer/, /trust/, /lisen/, /listen/])
    assert.match(refused.stderr, expected);
  const served = await runCli(["serve", "--config", bad]);
  assert.equal(served.code, 2);
  assert.match(
    served.stderr,
    /issuer[\s\S]*trust[\s\S]*lisen|lisen[\s\S]*issuer/,
  );

  const json = await runCli(["config", "check", bad, "--json"]);
  assert.equal(json.code, 2);
  assert.equal((JSON.parse(json.stdout) as { valid: boolean }).valid, false);

  const good = join(dir, "good.yaml");
  await writeFile(good, configuration());
  const accepted = await runCli(["config", "check", good]);
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.match(accepted.stdout, /valid/);
});

test("explain lists every check and rule, exits 0 for what would be allowed and 1 for what would not", async (t) => {
  const dir = await directory(t);
  const authority = await FakeAuthority.create({ trustDomain: "example.org" });
  const config = join(dir, "accredit.yaml");
  await writeFile(config, configuration());
  await writeFile(join(dir, "bundle.json"), authority.bundleDocument());
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    sub: "spiffe://example.org/agent/a",
    iss: "example.org",
    aud: "http://127.0.0.1:8700/register",
    iat: now,
    exp: now + 300,
  };
  const explain = async (statement: string, ...more: string[]) =>
    runCli(["explain", "--config", config, "--statement", statement, ...more]);

  const allowed = await explain(await authority.jwtSvid(claims));
  assert.equal(allowed.code, 0, allowed.stderr);
  assert.match(allowed.stdout, /pass {2}signature/);
  assert.match(allowed.stdout, /scope = read {2}\[template\]/);
  assert.match(
    allowed.stdout,
    /^not looked at: proof of possession, suspensions, quotas/m,
  );

  const statement = await authority.jwtSvid({
    ...claims,
    aud: "https://elsewhere.example",
  });
  const refused = await explain(statement, "--json");
  assert.equal(refused.code, 1);
  const { checks } = JSON.parse(refused.stdout) as {
    checks: { check: string; verdict: string }[];
  };
  assert.equal(checks.at(-1)?.verdict, "fail");
  assert.equal(checks.at(-1)?.check, "audience");
  assert.ok(
    !refused.stdout.includes(statement.slice(-40)),
    "the statement is not printed",
  );
});

test("serve logs JSON lines, finishes on SIGTERM with 0, and register and token work against it", async (t) => {
  const dir = await directory(t);
  const dev = startCli([
    "dev",
    "--dir",
    join(dir, "dev"),
    "--bundle-port",
    "0",
    "--json",
  ]);
  t.after(() => dev.process.kill("SIGKILL"));
  await dev.says("workload_api");
  const {
    workload_api: workloadApi,
    bundle_url: url,
    bundle_ca_file: caFile,
  } = JSON.parse(dev.stdout()) as Record<string, string>;
  const port = await freePort();
  const config = join(dir, "accredit.yaml");
  await writeFile(
    config,
    configuration(port)
      .replace(
        "{ file: ./bundle.json }",
        `{ url: "${url}", profile: https_web, ca_file: "${caFile}", allow_private_addresses: true }`,
      )
      .replace("spiffe://example.org/agent/*", "spiffe://example.org/**")
      .replace("scopes: [read]", "scopes: [read, write]"),
  );
  const server = startCli(["serve", "--config", config]);
  t.after(() => server.process.kill("SIGKILL"));
  await server.says('"msg":"listening"');

  const at = ["--server", `http://127.0.0.1:${port}`];
  const registered = await runCli(["register", ...at, "--json"], {
    SPIFFE_ENDPOINT_SOCKET: workloadApi ?? "",
  });
  assert.equal(registered.code, 0, registered.stderr);
  const client = JSON.parse(registered.stdout) as Record<string, unknown>;
  assert.equal(client["client_id"], "spiffe://example.org/ns/demo/agent/hello");
  assert.ok(
    !("software_statement" in client),
    "no credential is printed unasked",
  );

  const tokenArgs = [
    "token",
    ...at,
    "--workload-api",
    workloadApi ?? "",
    "--json",
  ];
  const token = await runCli(tokenArgs);
  assert.equal(token.code, 0, token.stderr);
  assert.ok(!("access_token" in (JSON.parse(token.stdout) as object)));
  const shown = await runCli([...tokenArgs, "--show-token"]);
  assert.match(
    String(
      (JSON.parse(shown.stdout) as Record<string, unknown>)["access_token"],
    ),
    /^ey/,
  );

  const stranger = await runCli([
    "token",
    ...at,
    "--workload-api",
    workloadApi ?? "",
    "--spiffe-id",
    "spiffe://example.org/ns/demo/agent/plain",
  ]);
  assert.equal(stranger.code, 1);
  assert.match(stranger.stderr, /invalid_client/);

  server.process.kill("SIGTERM");
  const { code, stdout } = await server.finished();
  assert.equal(code, 0);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(lines.at(-1)?.["msg"], "stopped");
  assert.ok(
    lines.some(({ route, status }) => route === "/register" && status === 201),
  );

  dev.process.kill("SIGINT");
  assert.equal((await dev.finished()).code, 0);
  await assert.rejects(readFile(join(dir, "dev", "workload-api.sock")), {
    code: "ENOENT",
  });
});

test("a reader that leaves early crashes nothing", async () => {
  const { code, stderr } = await runCli(["config", "schema"], {}, (child) =>
    child.stdout?.destroy(),
  );
  assert.equal(stderr, "");
  assert.equal(code, 0);
});

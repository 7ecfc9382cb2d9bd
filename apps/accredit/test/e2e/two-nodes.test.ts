import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { pino } from "pino";
import { FakeAuthority, freePort, PostgresServer } from "@accredit/testkit";
import { parseConfig } from "../../src/config/index.ts";
import { runServer, type RunningServer } from "../../src/serve/run-server.ts";
import { clientCredentials, send, type Answer } from "./running-accredit.ts";

const ISSUER = "https://as.example";
const RESOURCE = "https://api.example";
const ADMIN_TOKEN = "an-admin-token-of-enough-length";
const POLICY = `
  - name: agents
    match: { trust: example.org, subject: "spiffe://example.org/**" }
    introspect: any
    allow:
      grant_types: [client_credentials]
      scopes: [read]
      resources: ["${RESOURCE}"]
      token_endpoint_auth_methods: [spiffe_jwt]
    template: { scope: read }`;

const postgres = await PostgresServer.start();
after(() => postgres.close());

interface Node {
  readonly server: RunningServer;
  register(subject: string): Promise<Answer>;
  token(subject: string): Promise<Answer>;
  introspect(token: string, by: string): Promise<Answer>;
  admin(method: string, path: string, body?: object): Promise<Answer>;
}

/** Starts nodes of one issuer, as if behind a balancer, all on one new database. */
async function makeFleet(t: TestContext): Promise<() => Promise<Node>> {
  const dir = await mkdtemp(join(tmpdir(), "accredit-nodes-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const authority = await FakeAuthority.create({ trustDomain: "example.org" });
  await writeFile(join(dir, "bundle.json"), authority.bundleDocument());
  await writeFile(join(dir, "admin"), ADMIN_TOKEN, { mode: 0o600 });
  await writeFile(join(dir, "password"), postgres.password, { mode: 0o600 });
  const url = await postgres.createDatabase();
  const svid = (subject: string, audience: string): Promise<string> => {
    const now = Math.floor(Date.now() / 1000);
    return authority.jwtSvid({
      sub: `spiffe://example.org/${subject}`,
      iss: "spiffe://example.org",
      aud: audience,
      iat: now,
      exp: now + 300,
      jti: crypto.randomUUID(),
    });
  };
  return async () => {
    const port = await freePort();
    const config = parseConfig(
      `issuer: ${ISSUER}
listen: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: 0, token_file: ./admin }
limits: { max_event_loop_delay: 1m }
store: { url: "${url}", password_file: ./password }
trust:
  - kind: spiffe
    trust_domain: example.org
    bundle: { file: ./bundle.json }
policy:${POLICY}
`,
      { baseDir: dir },
    );
    const server = await runServer(config, pino({ level: "silent" }));
    t.after(() => server.close());
    const here = `http://127.0.0.1:${port}`;
    const post = (path: string, form: Record<string, string>) =>
      send(`${here}${path}`, {
        method: "POST",
        body: new URLSearchParams(form),
      });
    const authenticated = async (subject: string) =>
      clientCredentials(await svid(subject, ISSUER));
    return {
      server,
      register: async (subject) =>
        send(`${here}/register`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({
            software_statement: await svid(subject, `${ISSUER}/register`),
          }),
        }),
      token: async (subject) =>
        post("/token", {
          ...(await authenticated(subject)),
          resource: RESOURCE,
        }),
      introspect: async (token, by) =>
        post("/introspect", { ...(await authenticated(by)), token }),
      admin: (method, path, body) =>
        send(`http://127.0.0.1:${server.adminPort}/api/v1${path}`, {
          method,
          headers: {
            Authorization: `Bearer ${ADMIN_TOKEN}`,
            "Content-Type": "application/json",
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        }),
    };
  };
}

const eachOf = async <T>(
  nodes: readonly Node[],
  run: (node: Node) => Promise<T>,
): Promise<readonly T[]> => Promise.all(nodes.map(run));

test("[Q08] [I01] one SPIFFE ID that registers on all nodes at once is one client of all", async (t) => {
  const start = await makeFleet(t);
  const nodes = await Promise.all([start(), start(), start()]);
  const answers = await Promise.all(
    Array.from({ length: 10 }, () =>
      eachOf(nodes, (node) => node.register("agent")),
    ),
  );
  const seen = answers.flat();
  for (const { status, text } of seen) assert.equal(status, 201, text);
  assert.equal(
    new Set(seen.map(({ body }) => body["client_id_issued_at"])).size,
    1,
  );
  assert.equal(new Set(seen.map(({ body }) => body["client_id"])).size, 1);
  for (const { body } of await eachOf(nodes, (node) =>
    node.admin("GET", "/clients"),
  ))
    assert.equal((body["clients"] as unknown[]).length, 1);
});

test("what one node issues, suspends and resumes is so on the others with the next request", async (t) => {
  const start = await makeFleet(t);
  const [one, other] = await Promise.all([start(), start()]);
  await one.register("agent");
  await other.register("api");
  const { body, text } = await other.token("agent");
  const token = String(body["access_token"]);
  const active = async (node: Node): Promise<unknown> =>
    (await node.introspect(token, "api")).body["active"];
  assert.equal(await active(one), true, text);
  assert.equal(await active(other), true);

  const path = `/suspensions/client/${encodeURIComponent("spiffe://example.org/agent")}`;
  const suspended = await one.admin("PUT", path, { reason: "stolen" });
  assert.ok(suspended.status < 300, suspended.text);
  assert.equal(await active(other), false);
  assert.equal((await other.token("agent")).body["error"], "invalid_client");
  const resumed = await other.admin("DELETE", path);
  assert.ok(resumed.status < 300, resumed.text);
  assert.equal((await one.token("agent")).status, 200);
  assert.equal(await active(one), true);
});

test("[MGMT-06] the tokens of a deleted client stay dead on every node when the same workload registers again", async (t) => {
  const start = await makeFleet(t);
  const [one, other] = await Promise.all([start(), start()]);
  await other.register("api");
  const activeOn = (node: Node, token: string) =>
    node.introspect(token, "api").then(({ body }) => body["active"]);
  const tokenOf = async (node: Node): Promise<string> =>
    String((await node.token("agent")).body["access_token"]);
  const path = `/clients/${encodeURIComponent("spiffe://example.org/agent")}`;
  const dead: string[] = [];
  // Quick enough for several of them to be of the same second.
  for (let round = 0; round < 4; round++) {
    await one.register("agent");
    const token = await tokenOf(round % 2 === 0 ? one : other);
    assert.equal(await activeOn(one, token), true);
    assert.equal(await activeOn(other, token), true);
    await one.register("agent");
    assert.equal(await activeOn(other, token), true, "it only renewed");
    assert.equal((await one.admin("DELETE", path)).status, 204);
    dead.push(token);
  }
  await other.register("agent");
  for (const token of dead) {
    assert.equal(await activeOn(one, token), false);
    assert.equal(await activeOn(other, token), false);
  }
  assert.equal(await activeOn(one, await tokenOf(other)), true);
});

test("a node that leaves takes nothing with it, and one that joins knows everything", async (t) => {
  const start = await makeFleet(t);
  const [one, other] = await Promise.all([start(), start()]);
  await one.register("agent");
  const { body } = await one.token("agent");
  await one.server.close();
  assert.equal((await other.token("agent")).status, 200);
  await other.register("api");
  await other.server.close();
  const joined = await start();
  assert.equal((await joined.token("agent")).status, 200);
  const token = String(body["access_token"]);
  assert.equal((await joined.introspect(token, "api")).body["active"], true);
});

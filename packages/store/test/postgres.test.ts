import assert from "node:assert/strict";
import { after, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DcrError } from "@accredit/core/errors";
import { makeAudit, makeProposal, PostgresServer } from "@accredit/testkit";
import {
  openPostgresStore,
  type AccreditStore,
  type PostgresStoreOptions,
  type StoreFailure,
} from "@accredit/store";
import { POSTGRES_MIGRATIONS } from "../src/postgres/migrations.ts";
import { FIXED_CLOCK } from "./support/directory.ts";

const server = await PostgresServer.start();
after(() => server.close());

async function open(
  t: TestContext,
  url: string,
  options: Partial<PostgresStoreOptions> = {},
): Promise<AccreditStore> {
  const store = await openPostgresStore({
    url,
    password: server.password,
    clock: FIXED_CLOCK,
    ...options,
  });
  t.after(() => store.close());
  return store;
}

const proposalOf = (number: number) =>
  makeProposal({ subject: `spiffe://example.org/agent/${number}` });

/** The check that a start failed. */
async function checkOf(started: Promise<unknown>): Promise<unknown> {
  try {
    await started;
  } catch (error) {
    assert.ok(error instanceof DcrError, String(error));
    assert.equal(error.code, "store_unavailable");
    return (error.data as { check?: unknown }).check;
  }
  return "started";
}

const additive = {
  version: POSTGRES_MIGRATIONS.length + 1,
  name: "adds",
  compatibleFrom: POSTGRES_MIGRATIONS.length,
  statements: ["ALTER TABLE accredit.clients ADD COLUMN more text"],
};
const breaking = {
  version: POSTGRES_MIGRATIONS.length + 2,
  name: "takes away",
  compatibleFrom: POSTGRES_MIGRATIONS.length + 2,
  statements: ["ALTER TABLE accredit.clients DROP COLUMN more"],
};

test("[Q08] [I01] nodes that start together on an empty database agree on every client and key", async (t) => {
  const url = await server.createDatabase();
  const nodes = await Promise.all(
    Array.from({ length: 4 }, () => open(t, url)),
  );
  const count = 200;
  const outcomes = await Promise.all(
    nodes.flatMap((node, index) =>
      Array.from({ length: count }, async (_, number) => {
        const { client, created } = await node.register(
          makeProposal({
            subject: `spiffe://example.org/agent/${number}`,
            clientId: `opaque-${index}-${number}`,
          }),
        );
        return { created, name: `${client.subject} ${client.clientId}` };
      }),
    ),
  );
  assert.equal(outcomes.filter(({ created }) => created).length, count);
  assert.equal(new Set(outcomes.map(({ name }) => name)).size, count);
  const keys = await Promise.all(
    nodes.map((node, index) =>
      node.loadOrCreateSigningKeys(async () => ({
        kid: `key-${index}`,
        algorithm: "ES256",
        privateJwk: { kty: "EC" },
        createdAt: 1,
      })),
    ),
  );
  for (const each of keys) assert.deepEqual(each, keys[0]);
  const verdict = await nodes[0]?.verifyAudit();
  assert.equal(verdict?.rows, nodes.length * count);
  assert.equal(verdict.broken, null);
  for (const node of nodes) assert.equal(await node.countClients(), count);
});

test("[I08] a quota holds over all nodes", async (t) => {
  const url = await server.createDatabase();
  const nodes = [await open(t, url), await open(t, url)];
  const settled = await Promise.allSettled(
    nodes.flatMap((node, index) =>
      Array.from({ length: 50 }, (_, number) =>
        node.register(
          makeProposal({
            subject: `spiffe://example.org/agent/${index}-${number}`,
            conditions: { maxClientsOfRule: 10 },
          }),
        ),
      ),
    ),
  );
  assert.equal(
    settled.filter(({ status }) => status === "fulfilled").length,
    10,
  );
});

test("what one node withdraws or deletes is so on the others with their next read", async (t) => {
  const url = await server.createDatabase();
  const [one, other] = [await open(t, url), await open(t, url)];
  const { client } = await one.register(proposalOf(1));
  assert.deepEqual(await other.findClient(client.clientId), client);
  const { audit } = proposalOf(1);
  const target = { scope: "trust", value: "example.org" } as const;
  await other.suspend({ ...target, reason: "test", since: 1 }, audit);
  assert.equal((await one.suspensions()).length, 1);
  await one.revokeToken("token", client.clientId, 2 ** 40, makeAudit());
  assert.equal(await other.isTokenRevoked("token"), true);
  assert.equal(await one.claimOnce("proof", 2 ** 40), true);
  assert.equal(await other.claimOnce("proof", 2 ** 40), false);
  assert.equal(
    await other.deleteClient(client.clientId, proposalOf(2).audit),
    true,
  );
  assert.equal(await one.findClient(client.clientId), undefined);
});

test("[Q09] a migration takes its turn among nodes that write, and none of them waits in a circle", async (t) => {
  const url = await server.createDatabase();
  const nodes = await Promise.all([open(t, url), open(t, url)]);
  await nodes[0].register(proposalOf(0));
  const load = { isOver: false };
  let written = 0;
  const writing = nodes.map(async (node) => {
    while (!load.isOver)
      await Promise.all(
        Array.from({ length: 8 }, () => node.register(proposalOf(++written))),
      );
  });
  let migrations = POSTGRES_MIGRATIONS;
  for (let step = 0; step < 8; step++) {
    migrations = [
      ...migrations,
      {
        version: migrations.length + 1,
        name: `step ${step}`,
        compatibleFrom: 1,
        statements: [
          `ALTER TABLE accredit.clients ADD COLUMN more${step} text`,
        ],
      },
    ];
    await open(t, url, { migrations });
  }
  load.isOver = true;
  await Promise.all(writing);
  const [row] = await server.query(
    new URL(url).pathname.slice(1),
    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
  );
  assert.equal(Number(row?.["deadlocks"]), 0);
});

test("[Q09] a node of the release before goes on beside a schema that only adds, and ends with one that takes away", async (t) => {
  const url = await server.createDatabase();
  const failures: StoreFailure[] = [];
  const onFailure = (failure: StoreFailure): void =>
    void failures.push(failure);
  const old = await open(t, url, { onFailure });
  await old.register(proposalOf(1));
  const migrations = [...POSTGRES_MIGRATIONS, additive];
  const added = await open(t, url, { migrations });
  await Promise.all([
    ...Array.from({ length: 50 }, (_, n) => old.register(proposalOf(n))),
    ...Array.from({ length: 50 }, (_, n) => added.register(proposalOf(n + 25))),
  ]);
  await old.ping();
  assert.equal(await old.countClients(), 75);
  // And one of the old release may still start.
  await (await open(t, url)).ping();

  const newest = await open(t, url, { migrations: [...migrations, breaking] });
  await assert.rejects(old.register(proposalOf(99)), {
    code: "store_unavailable",
  });
  assert.match(failures[0]?.detail ?? "", /know version \d+ or later/);
  await assert.rejects(old.ping(), { code: "store_unavailable" });
  await newest.register(proposalOf(100));
  // Nor does it answer from what may mean something else by now.
  await assert.rejects(refusedRead(old, proposalOf(1).client.clientId), {
    code: "store_unavailable",
    message: /know version \d+ or later/,
  });
  assert.equal((await newest.verifyAudit()).broken, null);
  assert.equal(await checkOf(open(t, url)), "schema_version");
});

test("[Q09] a migration that was killed half-way is made again; a changed one is refused", async (t) => {
  const url = await server.createDatabase();
  await (await open(t, url)).register(proposalOf(1));
  const half = {
    ...additive,
    statements: [...additive.statements, "SELECT 1 / 0"],
  };
  const migrations = [...POSTGRES_MIGRATIONS, half];
  assert.equal(await checkOf(open(t, url, { migrations })), "server");
  const whole = [...POSTGRES_MIGRATIONS, additive];
  const store = await open(t, url, { migrations: whole });
  assert.equal(await store.countClients(), 1);
  assert.equal(await checkOf(open(t, url, { migrations })), "schema_history");
});

test("[Q07] a server that could lose what it acknowledged, or cannot take it, is refused", async (t) => {
  const url = await server.createDatabase();
  const name = new URL(url).pathname.slice(1);
  for (const [setting, value] of [
    ["synchronous_commit", "off"],
    ["default_transaction_read_only", "on"],
    ["array_nulls", "off"],
  ] as const) {
    await server.query(
      "postgres",
      `ALTER DATABASE ${name} SET ${setting} = ${value}`,
    );
    assert.equal(await checkOf(open(t, url)), setting.replace("default_", ""));
    await server.query("postgres", `ALTER DATABASE ${name} RESET ${setting}`);
  }
  assert.equal(await checkOf(open(t, url, { password: "wrong" })), "server");
  assert.equal(await checkOf(open(t, server.url("nowhere"))), "server");
  assert.equal(await checkOf(open(t, "postgres://u@127.0.0.1:1/d")), "server");
});

test("a role that owns the schema needs no right to make schemas", async (t) => {
  const url = new URL(await server.createDatabase());
  const name = url.pathname.slice(1);
  const role = `owner_of_${name}`;
  for (const sql of [
    `CREATE ROLE ${role} LOGIN PASSWORD '${server.password}'`,
    `CREATE SCHEMA accredit AUTHORIZATION ${role}`,
    `REVOKE CREATE ON DATABASE ${name} FROM PUBLIC`,
  ])
    await server.query(name, sql);
  url.username = role;
  const store = await open(t, url.href);
  await store.register(proposalOf(1));
  assert.equal(await store.countClients(), 1);
});

for (const [what, sql, sequence] of [
  ["changed", "UPDATE accredit.audit SET remote = 'x' WHERE seq = 3", 3],
  ["removed", "DELETE FROM accredit.audit WHERE seq = 3", 4],
  ["cut off the end", "DELETE FROM accredit.audit WHERE seq > 4", 5],
  ["cut off with all others", "TRUNCATE accredit.audit", 1],
  ["renumbered", "UPDATE accredit.audit SET seq = 6 WHERE seq = 5", 6],
  [
    "hidden from its client",
    "UPDATE accredit.audit SET client_key = NULL WHERE seq = 3",
    3,
  ],
  [
    "filed under another client",
    "UPDATE accredit.audit SET client_key = 'x' WHERE seq = 3",
    3,
  ],
  [
    "slipped in before the first",
    "INSERT INTO accredit.audit (seq, id, time, action, reasons, chain) VALUES (-5, 'x', 1, 'client.registered', '[]', 'x')",
    -5,
  ],
] as const) {
  test(`an audit row that was ${what} behind the server's back shows`, async (t) => {
    const url = await server.createDatabase();
    const name = new URL(url).pathname.slice(1);
    const store = await open(t, url);
    for (let number = 0; number < 5; number++)
      await store.register(proposalOf(number));
    assert.equal((await store.verifyAudit()).broken, null);
    await server.query(name, sql);
    const { broken } = await store.verifyAudit();
    assert.equal(broken?.sequence, sequence);
    assert.match(broken.reason, /^expected .+, got /u);
    await store.register(proposalOf(6));
    const later = await store.verifyAudit();
    assert.ok(later.broken !== null, "and goes on to");
  });
}

test("[Q05] restarts of the server under load lose nothing that was acknowledged", async (t) => {
  const url = await server.createDatabase();
  const store = await open(t, url);
  const acknowledged: string[] = [];
  let [refused, number] = [0, 0];
  const over = new AbortController();
  const load = Array.from({ length: 8 }, async () => {
    while (!over.signal.aborted) {
      try {
        const { client } = await store.register(proposalOf(number++));
        acknowledged.push(client.clientId);
      } catch (error) {
        assert.ok(error instanceof DcrError, String(error));
        assert.equal(error.code, "store_unavailable");
        refused++;
        await sleep(20);
      }
    }
  });
  for (let round = 0; round < 4; round++) {
    const before = acknowledged.length;
    while (acknowledged.length < before + 50) await sleep(10);
    await server.stop(round % 2 === 0 ? "immediate" : "fast");
    await assert.rejects(store.ping(), { code: "store_unavailable" });
    await server.resume();
    while (!(await answers(store))) await sleep(50);
  }
  over.abort();
  await Promise.all(load);
  assert.ok(refused > 0);
  for (const clientId of acknowledged)
    assert.ok(await store.findClient(clientId), clientId);
  assert.equal((await store.verifyAudit()).broken, null);
});

test("[Q06] a server that hangs is an error after its time, and no longer than it hangs", async (t) => {
  const url = await server.createDatabase();
  const failures: StoreFailure[] = [];
  const store = await open(t, url, {
    timeoutMs: 2000,
    onFailure: (failure) => void failures.push(failure),
  });
  const { client } = await store.register(proposalOf(1));
  server.freeze();
  try {
    const asked = await Promise.allSettled([
      store.findClient(client.clientId),
      store.register(proposalOf(2)),
      store.ping(),
    ]);
    for (const each of asked) {
      assert.equal(each.status, "rejected");
      assert.equal((each.reason as DcrError).code, "store_unavailable");
    }
    assert.equal(failures[0]?.kind, "unreachable");
  } finally {
    server.unfreeze();
  }
  while (!(await answers(store))) await sleep(50);
  assert.deepEqual(await store.findClient(client.clientId), client);
  await store.register(proposalOf(3));
  assert.equal((await store.verifyAudit()).broken, null);
});

test("a node that stops in the middle of a write holds the others up for its time only", async (t) => {
  const url = await server.createDatabase();
  const store = await open(t, url, { timeoutMs: 1000 });
  const { Client } = await import("pg");
  const stopped = new Client({ connectionString: url, password: "" });
  Object.assign(stopped, { password: server.password });
  stopped.on("error", () => {});
  await stopped.connect();
  await stopped.query(
    "SET idle_in_transaction_session_timeout = 4000; BEGIN; SELECT 1 FROM accredit.writer_state FOR UPDATE",
  );
  await assert.rejects(store.register(proposalOf(1)), {
    code: "store_unavailable",
  });
  while (!(await registers(store))) await sleep(50);
  await stopped.end().catch(() => {});
});

/** Reads until it is refused, as every node that is asked does within seconds. */
async function refusedRead(
  store: AccreditStore,
  clientId: string,
): Promise<never> {
  for (;;) {
    await store.findClient(clientId);
    await store.isTokenRevoked("token");
    await store.suspensions();
    await sleep(100);
  }
}

const registers = (store: AccreditStore): Promise<boolean> =>
  store.register(proposalOf(1)).then(
    () => true,
    () => false,
  );

const answers = (store: AccreditStore): Promise<boolean> =>
  store.ping().then(
    () => true,
    () => false,
  );

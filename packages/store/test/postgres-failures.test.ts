import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  openPostgresStore,
  type PostgresStoreOptions,
  type StoreFailure,
} from "@accredit/store";
import { makeProposal, PostgresServer } from "@accredit/testkit";
import { reportFailures } from "../src/postgres/report-failures.ts";
import { makeConnections } from "../src/postgres/session.ts";
import { FIXED_CLOCK } from "./support/directory.ts";

const server = await PostgresServer.start();
after(() => server.close());

test("why a database cannot be read is told when it begins and when it changes, and to who asks whether it is ready", async (t) => {
  const url = await server.createDatabase();
  const failures: StoreFailure[] = [];
  const store = await openPostgresStore({
    url,
    password: server.password,
    clock: FIXED_CLOCK,
    onFailure: (failure) => void failures.push(failure),
  });
  t.after(() => store.close());
  const owner = makeConnections(
    { url, password: server.password, timeoutMs: 5000 },
    1,
  );
  t.after(() => owner.close());
  const breakIt = () =>
    owner.query("ALTER TABLE accredit.writer_state RENAME TO moved");
  const mendIt = () =>
    owner.query("ALTER TABLE accredit.moved RENAME TO writer_state");
  const why =
    /relation "accredit\.writer_state" does not exist \(SQLSTATE 42P01\)/;

  await store.ping();
  await breakIt();
  for (let n = 0; n < 3; n++)
    await assert.rejects(store.ping(), {
      code: "store_unavailable",
      message: why,
    });
  assert.equal(failures[0]?.kind, "unreachable");
  assert.match(failures[0]?.detail ?? "", why);
  assert.doesNotMatch(JSON.stringify(failures), new RegExp(server.password));

  await mendIt();
  await store.ping();
  await owner.query(
    "ALTER TABLE accredit.writer_state RENAME compatible_from TO moved",
  );
  await assert.rejects(store.ping(), { message: /SQLSTATE 42703/ });
  assert.match(failures.at(-1)?.detail ?? "", /SQLSTATE 42703/);
});

test("a failure that goes on among reads that succeed is told now and then, with how often it was", async () => {
  const failures: string[] = [];
  let now = 0;
  const session = reportFailures(
    {
      async query(sql) {
        if (sql !== "works") throw new Error(sql);
        return [];
      },
    },
    ({ detail }) => void failures.push(detail),
    () => now,
  );
  const ask = async (): Promise<void> => {
    for (const sql of ["no table", "works", "no right"])
      await session.query(sql).catch(() => {});
  };
  for (now = 0; now < 29_999; now += 1000) await ask();
  assert.deepEqual(failures, [
    "a read failed: no table",
    "a read failed: no right",
  ]);
  now = 30_000;
  await ask();
  assert.deepEqual(failures.slice(2), [
    "a read failed: no table; 29 times more since it was last told",
    "a read failed: no right; 29 times more since it was last told",
  ]);
  now = 90_000;
  await ask();
  assert.equal(failures[4], "a read failed: no table");
});

test("a store whose writes wait for somebody else's lock in vain is not ready until they get through", async (t) => {
  const url = await server.createDatabase();
  const failures: StoreFailure[] = [];
  const store = await openPostgresStore({
    url,
    password: server.password,
    clock: FIXED_CLOCK,
    timeoutMs: 1000,
    onFailure: (failure) => void failures.push(failure),
  });
  t.after(() => store.close());
  const owner = makeConnections(
    { url, password: server.password, timeoutMs: 60_000 },
    1,
  );
  t.after(() => owner.close());
  await owner.use(async (session) => {
    await session.query("BEGIN");
    await session.query("SELECT 1 FROM accredit.writer_state FOR UPDATE");
    for (let n = 0; n < 3; n++)
      await assert.rejects(store.register(makeProposal()), {
        code: "store_unavailable",
      });
    await assert.rejects(store.ping(), { code: "store_unavailable" });
    await session.query("ROLLBACK");
  });
  assert.equal(failures.length, 1);
  await store.ping();
  await store.register(makeProposal());
});

test("a database that becomes read only while nobody writes is not ready until it is so no longer", async (t) => {
  const url = await server.createDatabase();
  const database = new URL(url).pathname.slice(1);
  const store = await openPostgresStore({
    url,
    password: server.password,
    clock: FIXED_CLOCK,
  });
  t.after(() => store.close());
  await store.ping();
  const set = async (value: "on" | "off"): Promise<void> => {
    for (const sql of [
      `ALTER DATABASE ${database} SET default_transaction_read_only = ${value}`,
      // What is open goes by what it began with.
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
    ])
      await server.query("postgres", sql);
  };
  /** Connections that were cut are made again with the next try. */
  const outcome = async (): Promise<string> => {
    try {
      await store.ping();
      return "ready";
    } catch (error) {
      return String(error);
    }
  };
  await set("on");
  let said = "";
  while (!said.includes("a standby, or set to read only"))
    said = await outcome();
  await assert.rejects(store.register(makeProposal()), {
    code: "store_unavailable",
  });
  await set("off");
  while ((await outcome()) !== "ready");
  await store.register(makeProposal());
});

test("a store all of whose writes are refused is not ready until they are taken again", async (t) => {
  const url = new URL(await server.createDatabase());
  const database = url.pathname.slice(1);
  const role = `writer_of_${database}`;
  const sql = async (text: string): Promise<void> =>
    void (await server.query(database, text));
  const { password } = server;
  const failures: StoreFailure[] = [];
  const open = (options: Partial<PostgresStoreOptions>) =>
    openPostgresStore({
      url: url.href,
      password,
      clock: FIXED_CLOCK,
      ...options,
    });
  await (await open({})).close();
  await sql(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
  await sql(`GRANT USAGE ON SCHEMA accredit TO ${role}`);
  await sql(
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA accredit TO ${role}`,
  );
  url.username = role;
  const store = await open({
    onFailure: (failure) => void failures.push(failure),
  });
  t.after(() => store.close());
  const refused = { code: "store_unavailable" };
  const register = (agent: string) =>
    store.register(makeProposal({ subject: `spiffe://example.org/${agent}` }));
  await register("a");

  await sql(`REVOKE INSERT ON accredit.clients FROM ${role}`);
  await store.ping();
  await assert.rejects(register("b"), refused);
  for (let n = 0; n < 3; n++) await assert.rejects(store.ping(), refused);
  assert.equal(await store.claimOnce("proof", 4e9), true);
  await assert.rejects(store.ping(), refused);
  assert.equal(failures.length, 1, "told once");
  assert.equal(failures[0]?.kind, "unreachable");
  assert.match(failures[0]?.detail ?? "", /permission denied.*42501/u);

  await sql(`GRANT INSERT ON accredit.clients TO ${role}`);
  await store.ping();
  await register("b");
  assert.equal(await store.countClients(), 2, "nothing is left of the tries");
  const { rows, broken } = await store.verifyAudit();
  assert.deepEqual({ rows, broken }, { rows: 2, broken: null });

  // One that is refused for what it says is no reason to serve nobody.
  await sql(
    `ALTER TABLE accredit.clients ADD CHECK (subject NOT LIKE '%/unwanted')`,
  );
  for (let n = 0; n < 5; n++) {
    await assert.rejects(register("unwanted"), refused);
    await store.ping();
  }
  await register("c");
  assert.equal(failures.length, 1);
});

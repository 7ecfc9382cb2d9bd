import assert from "node:assert/strict";
import { after, test } from "node:test";
import { makeAudit, makeProposal, PostgresServer } from "@accredit/testkit";
import { Client } from "pg";
import { openPostgresStore } from "@accredit/store";
import { countTargets } from "../src/lib/count-targets.ts";

const server = await PostgresServer.start();
after(() => server.close());

const PATTERN = {
  scope: "subject",
  value: "spiffe://example.org/agent/**",
} as const;

test("counting ends with its time and says so", async () => {
  let pages = 0;
  const endless = {
    countNamed: () => 0,
    liveSubjects: () => {
      pages += 1;
      return {
        subjects: [[`spiffe://example.org/agent/${pages}`, 1] as const],
        next: pages,
      };
    },
  };
  const count = await countTargets(endless, PATTERN, 50);
  assert.equal(count.complete, false);
  assert.equal(count.clients, pages);
  assert.ok(pages > 0);
});

test("what is to stop is suspended even while the clients cannot be read", async (t) => {
  const url = await server.createDatabase();
  const { password } = server;
  const clock = { now: () => 1_750_000_000 };
  const store = await openPostgresStore({
    url,
    password,
    clock,
    timeoutMs: 2000,
  });
  t.after(() => store.close());
  await store.register(
    makeProposal({ subject: "spiffe://example.org/agent/1" }),
  );
  const withPassword = new URL(url);
  withPassword.password = password;
  const holder = new Client({ connectionString: withPassword.href });
  await holder.connect();
  t.after(() => holder.end());
  await holder.query("BEGIN");
  await holder.query("LOCK TABLE accredit.clients IN ACCESS EXCLUSIVE MODE");
  await assert.rejects(store.countTargets(PATTERN), {
    code: "store_unavailable",
  });
  const unknown = { clients: 0, complete: false };
  assert.deepEqual(
    await store.suspend({ ...PATTERN, reason: "", since: 5 }, makeAudit()),
    { ...unknown, since: 5 },
  );
  const [row] = await store.readAudit({ limit: 1 });
  assert.equal(row?.action, "suspension.set");
  assert.deepEqual(row.details, { ...PATTERN, reason: "", ...unknown });
  assert.equal((await store.suspensions()).length, 1);
  await holder.query("ROLLBACK");
  assert.deepEqual(await store.countTargets(PATTERN), {
    clients: 1,
    complete: true,
  });
});

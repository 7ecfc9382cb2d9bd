import assert from "node:assert/strict";
import { test } from "node:test";
import type { Policy } from "@accredit/core/registration";
import { FakeClientStore, FakeClock, makeProposal } from "@accredit/testkit";
import { startSweeper } from "../../src/serve/sweeper.ts";

const KEPT = 100;
const SILENT = { info: () => {}, warn: () => {} };

test("a sweeper ends what ran out, and removes it once it was kept", async (t) => {
  const [store, clock] = [new FakeClientStore(), new FakeClock()];
  const leaseExpiresAt = clock.now() - 1_000_000;
  const { client } = await store.register(makeProposal({ leaseExpiresAt }));
  const sweeper = startSweeper({
    store,
    policy: [],
    clock,
    log: SILENT,
    keepEndedSeconds: KEPT,
  });
  t.after(() => sweeper.close());
  await clock.asleep();
  assert.equal(await store.countClients(), 0);
  assert.ok(await store.findClient(client.clientId));
  await clock.pass(KEPT);
  assert.ok(await store.findClient(client.clientId));
  await clock.pass(15);
  assert.equal(await store.findClient(client.clientId), undefined);
});

test("a clock that parts from the database's is told of in the log, once each time", async (t) => {
  const [store, clock] = [new FakeClientStore(), new FakeClock()];
  let clockAheadSeconds = 400;
  store.ping = async () => ({ clockAheadSeconds });
  const warnings: string[] = [];
  const log = {
    info: () => {},
    warn: (_: unknown, text?: string) => void warnings.push(text ?? ""),
  };
  const sweeper = startSweeper({
    store,
    policy: [],
    clock,
    log,
    keepEndedSeconds: KEPT,
  });
  t.after(() => sweeper.close());
  await clock.asleep();
  await clock.pass(15);
  assert.equal(warnings.length, 1);
  assert.match(warnings.join(), /is 400 s ahead of it/);
  for (clockAheadSeconds of [1, -400]) await clock.pass(15);
  assert.match(warnings[1] ?? "", /is 400 s behind it/);
  assert.equal(warnings.length, 2);
});

test("clients from before their rule had a lease get one though they never come again", async (t) => {
  const [store, clock] = [new FakeClientStore(), new FakeClock()];
  const many = 250;
  for (let n = 0; n < many; n++)
    await store.register(
      makeProposal({
        subject: `spiffe://example.org/old/${n}`,
        rule: "agents",
      }),
    );
  await store.register(
    makeProposal({ subject: "spiffe://example.org/other", rule: "others" }),
  );
  const sweeper = startSweeper({
    store,
    policy: [
      { name: "agents", leaseSeconds: 3600 },
      { name: "others" },
    ] as unknown as Policy,
    clock,
    log: SILENT,
    keepEndedSeconds: KEPT,
  });
  t.after(() => sweeper.close());
  await clock.asleep();
  while ((await store.clientsWithoutLease("agents", 1)).length > 0)
    await clock.pass(1);
  const [row] = await store.readAudit({ limit: 1 });
  assert.equal(row?.action, "client.renewed");
  assert.deepEqual(row.details, { by: "policy" });
  const ends = (await store.findClient(row.clientId ?? ""))?.leaseExpiresAt;
  assert.ok(ends !== undefined && ends !== null && ends > clock.now());
  const other = await store.findClient("spiffe://example.org/other");
  assert.equal(other?.leaseExpiresAt, null);
});

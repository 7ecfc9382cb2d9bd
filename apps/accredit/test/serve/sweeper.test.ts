import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClientStore, FakeClock, makeProposal } from "@accredit/testkit";
import { startSweeper } from "../../src/serve/sweeper.ts";

const KEPT = 100;

test("a sweeper ends what ran out, and removes it once it was kept", async (t) => {
  const [store, clock] = [new FakeClientStore(), new FakeClock()];
  const leaseExpiresAt = clock.now() - 1_000_000;
  const { client } = await store.register(makeProposal({ leaseExpiresAt }));
  const log = { info: () => {}, warn: () => {} };
  const keepEndedSeconds = KEPT;
  const sweeper = startSweeper({ store, clock, log, keepEndedSeconds });
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
  const sweeper = startSweeper({ store, clock, log, keepEndedSeconds: KEPT });
  t.after(() => sweeper.close());
  await clock.asleep();
  await clock.pass(15);
  assert.equal(warnings.length, 1);
  assert.match(warnings.join(), /is 400 s ahead of it/);
  for (clockAheadSeconds of [1, -400]) await clock.pass(15);
  assert.match(warnings[1] ?? "", /is 400 s behind it/);
  assert.equal(warnings.length, 2);
});

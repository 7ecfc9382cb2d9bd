import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test, type TestContext } from "node:test";
import { makeAudit, makeProposal, PostgresServer } from "@accredit/testkit";
import { openPostgresStore, type AccreditStore } from "@accredit/store";

const server = await PostgresServer.start();
after(() => server.close());

const DAY = 86_400;
/** The database's own time: it has a clock that no test can set. */
const now = Math.floor(Date.now() / 1000);

/** A node whose clock is ahead of the database's by so many seconds. */
async function openNode(
  t: TestContext,
  url: string,
  aheadSeconds: number,
): Promise<AccreditStore> {
  const { password } = server;
  const clock = { now: () => now + aheadSeconds };
  const store = await openPostgresStore({ url, password, clock });
  t.after(() => store.close());
  return store;
}

const subjectOf = (number: number) => `spiffe://example.org/agent/${number}`;

test("a node whose clock is a year ahead ends and removes nobody's registration before its time", async (t) => {
  const url = await server.createDatabase();
  const good = await openNode(t, url, 0);
  const bad = await openNode(t, url, 365 * DAY);
  const sweep = (node: AccreditStore, ahead: number) =>
    node.sweep(now + ahead, 7 * DAY, 100, randomUUID);
  for (const [number, leaseExpiresAt] of [
    now - DAY,
    now + DAY,
    now + 30 * DAY,
  ].entries())
    await good.register(
      makeProposal({ subject: subjectOf(number), leaseExpiresAt }),
    );
  for (let turn = 0; turn < 3; turn++) await sweep(bad, 365 * DAY);
  assert.equal(await good.countClients(), 2);
  for (const number of [0, 1, 2])
    assert.ok(await good.findClient(subjectOf(number)));
  // Nor does one that is behind shorten what the others keep.
  for (let turn = 0; turn < 3; turn++) await sweep(good, -365 * DAY);
  await sweep(good, 0);
  assert.equal(await good.countClients(), 2);
  assert.ok(await good.findClient(subjectOf(0)));
});

test("[Q09] what a node of the release before ended, or ended before it came back, keeps its time", async (t) => {
  const url = await server.createDatabase();
  const node = await openNode(t, url, 0);
  const sweep = () => node.sweep(now, 600, 100, randomUUID);
  const set = (assignments: string) =>
    server.query(
      new URL(url).pathname.slice(1),
      `UPDATE accredit.clients SET ${assignments}`,
    );
  await node.register(
    makeProposal({ subject: subjectOf(0), leaseExpiresAt: now - DAY }),
  );
  await set("state = 'ended'");
  assert.equal((await sweep()).removed, 0);
  assert.equal((await sweep()).removed, 0, "ended when it was first seen");
  // Renewed and ended again by a node that leaves ended_at as it is.
  await set(`ended_at = ${now - 2 * DAY}, lease_expires_at = ${now - 300}`);
  assert.equal((await sweep()).removed, 0);
  await set(`lease_expires_at = ${now - 601}`);
  assert.equal((await sweep()).removed, 1);
});

test("[Q13] a node whose clock is ahead gives nobody's used proofs and revoked tokens back", async (t) => {
  const url = await server.createDatabase();
  const good = await openNode(t, url, 0);
  const bad = await openNode(t, url, 30 * DAY);
  assert.equal(await good.claimOnce("proof", now + 360), true);
  await good.revokeToken("token", "c", now + 540, makeAudit());
  await bad.claimOnce("other", now + 30 * DAY + 360);
  await bad.revokeToken("another", "c", now + 30 * DAY + 540, makeAudit());
  assert.equal(await good.claimOnce("proof", now + 360), false);
  assert.equal(await good.isTokenRevoked("token"), true);
});

test("how far a node's clock is from the database's is told with its health", async (t) => {
  const url = await server.createDatabase();
  const near = (seconds: number, expected: number) =>
    assert.ok(Math.abs(seconds - expected) < 600, `${seconds}`);
  for (const ahead of [0, DAY, -DAY]) {
    const { clockAheadSeconds } = await (await openNode(t, url, ahead)).ping();
    near(clockAheadSeconds, ahead);
  }
});

test("[Q13] what expired goes once an hour has passed, for those whose clocks are behind", async (t) => {
  const url = await server.createDatabase();
  const node = await openNode(t, url, 0);
  await node.revokeToken("recent", "c", now - 3000, makeAudit());
  await node.revokeToken("old", "c", now - 4000, makeAudit());
  await node.revokeToken("next", "c", now + 100, makeAudit());
  assert.equal(await node.isTokenRevoked("recent"), true);
  assert.equal(await node.isTokenRevoked("old"), false);
  assert.equal(await node.isTokenRevoked("next"), true);
});

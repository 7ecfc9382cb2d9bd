import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import * as fc from "fast-check";
import { makeAudit, makeProposal, makeRefusal } from "@accredit/testkit";
import { makeSteadyClock } from "@accredit/core";
import { NOW, makeDirectory } from "./support/directory.ts";
import { openStore } from "./support/store.ts";

test("the audit table refuses to change or lose rows", async (t) => {
  const path = `${makeDirectory()}/a.db`;
  const store = await openStore(t, { path });
  const row = makeRefusal({ id: "row-1" });
  await store.appendAudit(row);
  const db = new DatabaseSync(path);
  db.exec("PRAGMA recursive_triggers = ON");
  for (const sql of [
    "UPDATE audit SET code = NULL",
    "UPDATE audit SET seq = 9",
    "DELETE FROM audit",
    "REPLACE INTO audit (id, time, action, reasons) VALUES ('row-1', 1, 'x', '[]')",
  ]) {
    assert.throws(() => db.exec(sql), /append-only/u, sql);
  }
  db.close();
  const kept = await store.readAudit({ limit: 10 });
  assert.deepEqual(
    kept.map(({ sequence: _sequence, chain: _chain, ...entry }) => entry),
    [row],
  );
  await store.close();
});

for (const [what, sql] of [
  ["changed", "UPDATE audit SET client_id = 'somebody else' WHERE seq = 3"],
  ["removed", "DELETE FROM audit WHERE seq = 3"],
  ["cut off the end", "DELETE FROM audit WHERE seq > 4"],
  ["cut off with all others", "DELETE FROM audit"],
  ["moved", "UPDATE audit SET seq = 100 WHERE seq = 3"],
  ["renumbered", "UPDATE audit SET seq = seq + 1 WHERE seq = 6"],
  ["unchained", "UPDATE audit SET chain = NULL WHERE seq = 3"],
  ["left without an account", "DELETE FROM audit_trail"],
  [
    "unchained with all others",
    "UPDATE audit SET chain = NULL, remote = 'forged'",
  ],
  [
    "slipped in before the first",
    "INSERT INTO audit (seq, id, time, action, reasons) VALUES (-5, 'x', 1, 'client.registered', '[]')",
  ],
  [
    "slipped in",
    "INSERT INTO audit (seq, id, time, action, reasons) VALUES (100, 'x', 1, 'client.registered', '[]')",
  ],
] as const) {
  test(`an audit row that was ${what} behind the server's back shows`, async (t) => {
    const path = `${makeDirectory()}/a.db`;
    const store = await openStore(t, { path });
    for (let i = 0; i < 6; i++)
      await store.register(
        makeProposal({ subject: `spiffe://example.org/${i}` }),
      );
    assert.equal((await store.verifyAudit()).broken, null);
    const db = new DatabaseSync(path);
    db.exec("DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete");
    db.exec(sql);
    db.close();
    const { broken, complete } = await store.verifyAudit();
    assert.ok(broken !== null && !complete);
    assert.match(broken.reason, /^expected .+, got /u);
    await store.appendAudit(makeRefusal());
    const later = await store.verifyAudit();
    assert.ok(later.broken !== null, "and goes on to");
  });
}

test("clients are counted by rule through every change", async (t) => {
  const path = `${makeDirectory()}/a.db`;
  const store = await openStore(t, { path });
  const register = (name: string, rule: string): Promise<unknown> =>
    store.register(
      makeProposal({ subject: `spiffe://example.org/${name}`, rule }),
    );
  await register("a", "one");
  await register("b", "one");
  await register("c", "two");
  await register("b", "two");
  await register("b", "two");
  const counts = await store.countClientsByRule();
  assert.deepEqual(
    [...counts].sort(([a], [b]) => a.localeCompare(b)),
    [
      ["one", 1],
      ["two", 2],
    ],
  );
  const db = new DatabaseSync(path);
  db.exec("DELETE FROM clients WHERE rule = 'one'");
  db.close();
  assert.deepEqual([...(await store.countClientsByRule())], [["two", 2]]);
  assert.equal(await store.countClients(), 2);
  await store.close();
});

test("[Q13] expired revocations go with later ones an hour after, but not on a clock that leapt", async (t) => {
  const path = `${makeDirectory()}/a.db`;
  let now = NOW;
  const clock = { now: () => now };
  const store = await openStore(t, { path, clock });
  await store.revokeToken("short", "c", NOW + 100, makeAudit());
  await store.revokeToken("hour", "c", NOW + 1500, makeAudit());
  await store.revokeToken("long", "c", NOW + 100_000, makeAudit());
  now = NOW + 1_000_000;
  await store.revokeToken("other", "c", now + 100, makeAudit());
  assert.equal(await store.isTokenRevoked("long"), true);
  await store.close();

  now = NOW + 5000;
  const later = await openStore(t, { path, clock });
  await later.revokeToken("new", "c", now + 100, makeAudit());
  assert.equal(await later.isTokenRevoked("short"), false);
  assert.equal(await later.isTokenRevoked("hour"), true);
  assert.equal(await later.isTokenRevoked("long"), true);
  assert.equal(await later.isTokenRevoked("new"), true);
  await later.close();
});

test("[Q13] the purge clock follows neither a leap forward nor gets ahead of the clock", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.integer({ min: -50_000_000, max: 50_000_000 }),
      (elapsedSeconds, step) => {
        let wall = NOW;
        let monotonic = 0;
        const purgeBefore = makeSteadyClock(
          () => wall,
          () => monotonic,
        );
        monotonic = elapsedSeconds * 1000;
        wall = NOW + elapsedSeconds + step;
        const before = purgeBefore();
        assert.ok(before <= wall);
        assert.ok(before <= NOW + elapsedSeconds + 300);
        if (step === 0) assert.equal(before, wall);
      },
    ),
  );
});

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Store } from "@accredit/core/ports";
import { statusListTests } from "./status-list-contract.ts";
import { withdrawalTests } from "./suspension-contract.ts";
import { makeAudit, makeProposal, makeRefusal } from "./store-fixtures.ts";

type Check = (what: string, body: (store: Store) => Promise<void>) => void;

const A = "spiffe://example.org/ns/prod/agent/a";
const subjectOf = (i: number): string =>
  `spiffe://example.org/ns/prod/agent/${String(i).padStart(4, "0")}`;

/** What every store has to do with clients after they are registered. */
export function lifecycleTests(check: Check): void {
  leaseTests(check);
  withdrawalTests(check);
  listTests(check);
  leaselessTests(check);
  namedTests(check);
  suspendedTests(check);
  statusListTests(check);
  chainTests(check);
}

function leaseTests(check: Check): void {
  const sweep = (store: Store, now: number, keep = 1_000_000, limit = 100) =>
    store.sweep(now, keep, limit, randomUUID);

  check("a lease is renewed, and never shortened", async (store) => {
    await store.register(makeProposal({ leaseExpiresAt: 1000 }));
    assert.equal(await store.renewLease(A, 2000, makeAudit()), true);
    assert.equal(await store.renewLease(A, 1500, makeAudit()), false);
    assert.equal((await store.findClient(A))?.leaseExpiresAt, 2000);
    assert.equal(await store.renewLease("nobody", 9000, makeAudit()), false);
    const [last] = await store.readAudit({ limit: 1 });
    assert.equal(last?.action, "client.renewed");
    assert.equal(last.clientId, A);
    const again = await store.register(makeProposal({ leaseExpiresAt: 1800 }));
    assert.equal(again.client.leaseExpiresAt, 1800, "by its new attestation");
  });

  check(
    "a client without a lease has none to end, until it is given one",
    async (store) => {
      await store.register(makeProposal());
      const swept = await sweep(store, 4e9, 0);
      assert.deepEqual(swept, { expired: 0, removed: 0, kept: 0 });
      assert.equal((await store.findClient(A))?.leaseExpiresAt, null);
      assert.equal(await store.renewLease(A, 2000, makeAudit()), true);
      assert.equal((await store.findClient(A))?.leaseExpiresAt, 2000);
    },
  );

  check(
    "an ended client keeps its id, gives its place away, and comes back under its id",
    async (store) => {
      const conditions = { maxClientsOfRule: 1 };
      const first = makeProposal({
        clientId: "opaque-1",
        leaseExpiresAt: 1000,
        conditions,
      });
      await store.register(first);
      assert.deepEqual(await sweep(store, 1000), {
        expired: 0,
        removed: 0,
        kept: 0,
      });
      assert.deepEqual(await sweep(store, 1001), {
        expired: 1,
        removed: 0,
        kept: 0,
      });
      assert.equal(await store.countClients(), 0);
      assert.equal((await store.findClient("opaque-1"))?.clientId, "opaque-1");
      assert.equal(await store.renewLease("opaque-1", 9e9, makeAudit()), false);
      const [row] = await store.readAudit({ limit: 1 });
      assert.equal(row?.action, "clients.expired");
      assert.deepEqual(row.details, { clients: ["opaque-1"] });

      const other = { subject: subjectOf(1), clientId: "opaque-2", conditions };
      await store.register(makeProposal({ ...other, leaseExpiresAt: 2000 }));
      await assert.rejects(
        store.register({ ...first, audit: makeAudit() }),
        { code: "quota_exceeded" },
        "its place is taken",
      );
      await sweep(store, 2001);
      const back = await store.register({
        ...makeProposal({ clientId: "opaque-9", leaseExpiresAt: 5000 }),
      });
      assert.equal(back.client.clientId, "opaque-1");
      assert.equal(back.created, false);
      assert.equal(await store.countClients(), 1);
    },
  );

  check(
    "a sweep takes no more than its limit, and removes what ended long ago",
    async (store) => {
      for (let i = 0; i < 25; i++) {
        const leaseExpiresAt = 1000 + i;
        await store.register(
          makeProposal({ subject: subjectOf(i), leaseExpiresAt }),
        );
      }
      const totals = { expired: 0, removed: 0 };
      for (let round = 0; round < 6; round++) {
        const swept = await sweep(store, 1020, 500, 10);
        assert.ok(swept.expired <= 10);
        totals.expired += swept.expired;
      }
      assert.equal(totals.expired, 20);
      await sweep(store, 1022, 500, 10);
      for (let round = 0; round < 6; round++) {
        const swept = await sweep(store, 1521, 500, 10);
        assert.ok(swept.removed <= 10);
        totals.removed += swept.removed;
      }
      assert.equal(totals.removed, 20);
      assert.equal(await store.findClient(subjectOf(0)), undefined);
      assert.notEqual(await store.findClient(subjectOf(21)), undefined);
      const [row] = await store.readAudit({
        limit: 1,
        action: "clients.removed",
      });
      assert.ok(Array.isArray(row?.details?.["clients"]));
      assert.equal(row.details["clients"].length, 10);
    },
  );

  check(
    "an ended client is kept from when it was ended on, however long ago its lease ran out",
    async (store) => {
      await store.register(makeProposal({ leaseExpiresAt: 1000 }));
      const other = { subject: subjectOf(1), leaseExpiresAt: 1000 };
      await store.register(makeProposal(other));
      // Nothing swept for a long time: nobody ran.
      const late = 1_000_000;
      assert.deepEqual(await sweep(store, late, 500), {
        expired: 2,
        removed: 0,
        kept: 0,
      });
      assert.equal((await sweep(store, late + 500, 500)).removed, 0);
      // Back, and ended once more: it is kept from then on.
      await store.register(makeProposal({ leaseExpiresAt: late + 501 }));
      assert.deepEqual(await sweep(store, late + 502, 500), {
        expired: 1,
        removed: 1,
        kept: 0,
      });
      assert.equal(await store.findClient(subjectOf(1)), undefined);
      assert.equal((await sweep(store, late + 1002, 500)).removed, 0);
      assert.equal((await sweep(store, late + 1003, 500)).removed, 1);
      assert.equal(await store.findClient(A), undefined);
    },
  );

  check(
    "[MGMT-06] [I10] a deleted client is gone, and an update does not bring it back",
    async (store) => {
      await store.register(makeProposal());
      assert.equal(await store.deleteClient(A, makeAudit()), true);
      assert.equal(await store.deleteClient(A, makeAudit()), false);
      assert.equal(await store.findClient(A), undefined);
      assert.equal(await store.countClients(), 0);
      await assert.rejects(
        store.register(makeProposal({ conditions: { mustExist: true } })),
        { name: "DcrError", code: "client_unknown" },
      );
      const actions = (await store.readAudit({ limit: 9 })).map(
        ({ action }) => action,
      );
      assert.deepEqual(actions, ["client.deleted", "client.registered"]);
    },
  );

  check(
    "[MGMT-06] a client that comes again after it was deleted or removed is another registration",
    async (store) => {
      const register = async (leaseExpiresAt: number, auditId: string) => {
        const { client } = await store.register(
          makeProposal({ leaseExpiresAt, auditId }),
        );
        assert.deepEqual(await store.findClient(A), client);
        return client.registrationId;
      };
      assert.equal(await register(1000, "first"), "first");
      assert.equal(await register(1001, "again"), "first");
      await sweep(store, 2000, 500);
      assert.equal(await register(2000, "back"), "first");
      await sweep(store, 3000, 500);
      await sweep(store, 4000, 500);
      assert.equal(await register(5000, "second"), "second");
      await store.deleteClient(A, makeAudit());
      assert.equal(await register(5000, "third"), "third");
      const [one, other] = await Promise.all([
        store.register(makeProposal({ subject: subjectOf(1) })),
        store.register(makeProposal({ subject: subjectOf(1) })),
      ]);
      assert.ok(one.client.registrationId);
      assert.equal(one.client.registrationId, other.client.registrationId);
    },
  );

  check(
    "[MGMT-07] [R04] an update writes over the client that it read, and over no other",
    async (store) => {
      const update = (clientId: string, more: object = {}) =>
        store.register(
          makeProposal({
            clientName: "updated",
            conditions: {
              mustBe: {
                clientId,
                registrationId: "first",
                managementTokenHash: null,
                ...more,
              },
            },
          }),
        );
      const gone = { name: "DcrError", code: "client_unknown" };
      await assert.rejects(update(A), gone);
      await store.register(makeProposal({ auditId: "first" }));
      assert.equal((await update(A)).created, false);
      await assert.rejects(update("the-one-before"), gone);
      await assert.rejects(update(A, { managementTokenHash: "x" }), gone);
      await assert.rejects(update(A, { registrationId: "other" }), gone);
      const kept = await store.findClient(A);
      assert.equal(kept?.metadata.client_name, "updated");
      await store.deleteClient(A, makeAudit());
      await store.register(makeProposal());
      await assert.rejects(update(A), gone, "it is another's place");
    },
  );
}

function listTests(check: Check): void {
  check("lists clients page by page, each once", async (store) => {
    for (let i = 0; i < 23; i++)
      await store.register(
        makeProposal({
          subject: subjectOf(i),
          rule: i % 2 === 0 ? "even" : "odd",
        }),
      );
    const seen: string[] = [];
    let after: number | undefined;
    do {
      const page = await store.listClients({ limit: 5, after });
      seen.push(...page.clients.map(({ subject }) => subject));
      after = page.next ?? undefined;
    } while (after !== undefined);
    assert.deepEqual(
      seen,
      Array.from({ length: 23 }, (_, i) => subjectOf(i)),
    );
    const even = await store.listClients({ limit: 50, rule: "even" });
    assert.equal(even.clients.length, 12);
    assert.equal(even.next, null);
    const one = await store.listClients({ limit: 5, subject: subjectOf(7) });
    assert.equal(one.clients[0]?.subject, subjectOf(7));
    const none = await store.listClients({ limit: 5, trust: "other.example" });
    assert.deepEqual(none, { clients: [], next: null });
  });

  check(
    "lists a client that comes after a page whose last one went since",
    async (store) => {
      const register = (i: number) =>
        store.register(makeProposal({ subject: subjectOf(i) }));
      for (const i of [0, 1]) await register(i);
      const { next } = await store.listClients({ limit: 2 });
      for (const i of [1, 0])
        await store.deleteClient(subjectOf(i), makeAudit());
      for (const i of [2, 3]) await register(i);
      const rest = await store.listClients({
        limit: 5,
        after: next ?? undefined,
      });
      assert.deepEqual(
        rest.clients.map(({ subject }) => subject),
        [subjectOf(2), subjectOf(3)],
      );
    },
  );
}

function leaselessTests(check: Check): void {
  check("finds the living clients of a rule without a lease", async (store) => {
    for (let i = 0; i < 5; i++)
      await store.register(makeProposal({ subject: subjectOf(i) }));
    await store.register(
      makeProposal({ subject: subjectOf(5), leaseExpiresAt: 1000 }),
    );
    await store.register(
      makeProposal({ subject: subjectOf(6), rule: "other" }),
    );
    await store.renewLease(subjectOf(0), 1000, makeAudit());
    await store.deleteClient(subjectOf(1), makeAudit());
    await store.sweep(2000, 0, 100, randomUUID);
    const { rule } = makeProposal().client;
    const found = await store.clientsWithoutLease(rule, 10);
    assert.deepEqual(
      found.toSorted(),
      [2, 3, 4].map((i) => subjectOf(i)),
    );
    assert.equal((await store.clientsWithoutLease(rule, 2)).length, 2);
    assert.deepEqual(await store.clientsWithoutLease("none", 10), []);
  });
}

function namedTests(check: Check): void {
  check("finds the rows about many clients by each of them", async (store) => {
    for (const i of [0, 1, 2])
      await store.register(
        makeProposal({ subject: subjectOf(i), leaseExpiresAt: 1000 + i }),
      );
    await store.sweep(1002, 10_000, 100, randomUUID);
    await store.sweep(1003, 0, 100, randomUUID);
    const actionsOf = async (i: number, query: object = {}) =>
      (
        await store.readAudit({ limit: 10, clientId: subjectOf(i), ...query })
      ).map(({ action }) => action);
    const whole = ["clients.removed", "clients.expired", "client.registered"];
    for (const i of [0, 1]) assert.deepEqual(await actionsOf(i), whole);
    assert.deepEqual(await actionsOf(2), [
      "clients.expired",
      "client.registered",
    ]);
    assert.deepEqual(await actionsOf(0, { limit: 2 }), whole.slice(0, 2));
    const [newest] = await store.readAudit({
      limit: 1,
      clientId: subjectOf(0),
    });
    assert.deepEqual(
      await actionsOf(0, { before: newest?.sequence }),
      whole.slice(1),
    );
    assert.deepEqual(await actionsOf(0, { action: "clients.expired" }), [
      "clients.expired",
    ]);
    assert.deepEqual(await actionsOf(3), []);
    assert.equal((await store.verifyAudit()).broken, null);
  });
}

function suspendedTests(check: Check): void {
  check(
    "finds by a client that it was suspended and resumed",
    async (store) => {
      for (const i of [0, 1])
        await store.register(makeProposal({ subject: subjectOf(i) }));
      const target = { scope: "client", value: subjectOf(0) } as const;
      const reason = "incident";
      await store.suspend({ ...target, reason, since: 1 }, makeAudit());
      await store.resume(target, makeAudit());
      const actionsOf = async (i: number) =>
        (await store.readAudit({ limit: 10, clientId: subjectOf(i) })).map(
          ({ action }) => action,
        );
      assert.deepEqual(await actionsOf(0), [
        "suspension.lifted",
        "suspension.set",
        "client.registered",
      ]);
      assert.deepEqual(await actionsOf(1), ["client.registered"]);
      assert.equal((await store.verifyAudit()).broken, null);
    },
  );
}

function chainTests(check: Check): void {
  check("every audit row is chained to the one before", async (store) => {
    const empty = await store.verifyAudit();
    assert.deepEqual(empty, {
      rows: 0,
      unchained: 0,
      sequence: 0,
      head: null,
      complete: true,
      anchored: true,
      broken: null,
    });
    await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        store.register(makeProposal({ subject: subjectOf(i) })),
      ),
    );
    await store.deleteClient(subjectOf(3), makeAudit());
    const rows = await store.readAudit({ limit: 100 });
    const { rows: count, head, broken } = await store.verifyAudit();
    assert.equal(count, 31);
    assert.equal(broken, null);
    assert.equal(head, rows[0]?.chain);
    assert.equal(new Set(rows.map(({ chain }) => chain)).size, 31);
  });

  check(
    "the trail is verified in sections, and from a kept place on",
    async (store) => {
      const { head: none } = await store.verifyAudit();
      for (let i = 0; i < 7; i++)
        await store.register(makeProposal({ subject: subjectOf(i) }));
      const first = await store.verifyAudit({ limit: 4 });
      assert.equal(first.rows, 4);
      assert.equal(first.sequence, 4);
      assert.equal(first.complete, false);
      const [, , , fourth] = (
        await store.readAudit({ limit: 100 })
      ).toReversed();
      assert.equal(first.head, fourth?.chain);
      const after = { sequence: first.sequence, chain: first.head };
      const rest = await store.verifyAudit({ after, limit: 4 });
      assert.equal(rest.rows, 3);
      assert.equal(rest.complete, true);
      assert.equal(rest.broken, null);
      const end = { sequence: rest.sequence, chain: rest.head };
      const nothing = await store.verifyAudit({ after: end });
      assert.deepEqual(nothing, { ...rest, rows: 0 });

      for (const [chain, sequence] of [
        [rest.head, 4],
        [none, 4],
        [rest.head, 8],
      ] as const) {
        const other = await store.verifyAudit({ after: { sequence, chain } });
        assert.equal(other.broken?.sequence, sequence);
      }
      const head = first.head ?? "";
      assert.equal((await store.verifyAudit({ head })).anchored, true);
      assert.equal((await store.verifyAudit({ head, after })).anchored, true);
      assert.equal(
        (await store.verifyAudit({ head, after: end })).anchored,
        false,
      );
    },
  );

  check("the chain holds over any text", async (store) => {
    const texts = ["\ud800", "a\0b\u0001", "\u{1f511}", "x".repeat(100_000)];
    for (const clientId of texts)
      await store.appendAudit(makeRefusal({ clientId, remote: clientId }));
    const verdict = await store.verifyAudit();
    assert.equal(verdict.rows, texts.length);
    assert.equal(verdict.broken, null);
  });

  check("reads audit rows by client, action, place and id", async (store) => {
    for (let i = 0; i < 5; i++)
      await store.register(makeProposal({ subject: subjectOf(i) }));
    await store.deleteClient(subjectOf(2), makeAudit());
    const clientId = subjectOf(2);
    const ofClient = await store.readAudit({ limit: 10, clientId });
    assert.deepEqual(
      ofClient.map(({ action }) => action),
      ["client.deleted", "client.registered"],
    );
    const registered = await store.readAudit({
      limit: 3,
      action: "client.registered",
    });
    assert.deepEqual(
      registered.map((row) => row.clientId),
      [4, 3, 2].map(subjectOf),
    );
    const before = await store.readAudit({
      limit: 10,
      before: registered[2]?.sequence,
    });
    assert.deepEqual(
      before.map((row) => row.clientId),
      [1, 0].map(subjectOf),
    );
    const ofBoth = await store.readAudit({
      limit: 10,
      clientId,
      action: "client.deleted",
    });
    assert.deepEqual(ofBoth, ofClient.slice(0, 1));
    const [row] = ofClient;
    assert.ok(row);
    assert.deepEqual(await store.findAudit(row.id), row);
    assert.equal(await store.findAudit("no such row"), undefined);
  });
}

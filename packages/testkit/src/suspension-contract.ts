import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Standee, Store, SuspensionTarget } from "@accredit/core/ports";
import { makeAudit, makeProposal } from "./store-fixtures.ts";

type Check = (what: string, body: (store: Store) => Promise<void>) => void;

const A = "spiffe://example.org/ns/prod/agent/a";
const subjectOf = (i: number): string =>
  `spiffe://example.org/ns/prod/agent/${String(i).padStart(4, "0")}`;

/** What every store has to do with withdrawals. */
export function withdrawalTests(check: Check): void {
  check("a suspension is set, replaced and lifted", async (store) => {
    for (let i = 0; i < 3; i++)
      await store.register(makeProposal({ subject: subjectOf(i) }));
    const target = { scope: "trust", value: "example.org" } as const;
    assert.deepEqual(await store.suspensions(), []);
    const count = { clients: 3, complete: true };
    assert.deepEqual(await store.countTargets(target), count);
    const suspend = (reason: string, since: number) =>
      store.suspend({ ...target, reason, since }, makeAudit());
    const actions = async () =>
      (await store.readAudit({ limit: 9, action: "suspension.set" })).length;
    assert.deepEqual(await suspend("key leaked", 10), { ...count, since: 10 });
    assert.deepEqual(await suspend("key leaked", 15), { ...count, since: 10 });
    assert.equal(await actions(), 1, "nothing changed, nothing is written");
    assert.deepEqual(await suspend("still", 20), { ...count, since: 10 });
    assert.equal(await actions(), 2);
    assert.deepEqual(await store.suspensions(), [
      { ...target, reason: "still", since: 10 },
    ]);
    const [row] = await store.readAudit({ limit: 1 });
    assert.equal(row?.action, "suspension.set");
    assert.deepEqual(row.details, { ...target, reason: "still", ...count });
    assert.equal(await store.resume(target, makeAudit()), true);
    assert.equal(await store.resume(target, makeAudit()), false);
    assert.deepEqual(await store.suspensions(), []);
  });

  check("a withdrawal is found for those whom it may hit", async (store) => {
    await store.register(makeProposal({ clientId: "one" }));
    const targets = [
      { scope: "trust", value: "example.org" },
      { scope: "rule", value: "agents" },
      { scope: "subject", value: A },
      { scope: "subject", value: "spiffe://example.org/*/prod/**" },
      { scope: "client", value: "one" },
      { scope: "client", value: "nobody's" },
      { scope: "trust", value: "other.example" },
    ] as const;
    for (const target of targets)
      await store.suspend({ ...target, reason: "", since: 1 }, makeAudit());
    const found = async (...who: Standee[]) => {
      const all = await store.suspensionsOf(who);
      for (const { scope, value, client } of all)
        assert.deepEqual(
          client,
          scope === "client" && value === "one"
            ? { trust: "example.org", subject: A, softwareId: "" }
            : undefined,
        );
      return all
        .filter(({ value }) => !value.includes("*"))
        .map(({ value }) => value)
        .toSorted();
    };
    const trust = "other.example";
    const nobody = { trust: "third.example", subject: "nobody" };
    assert.deepEqual(await found(nobody), []);
    assert.deepEqual(await found({ ...nobody, rule: "agents" }), ["agents"]);
    assert.deepEqual(await found({ ...nobody, trust }), [trust]);
    assert.deepEqual(await found({ ...nobody, clientId: "nobody's" }), [
      "nobody's",
    ]);
    assert.deepEqual(await found({ ...nobody, trust }, nobody), [trust]);
    assert.deepEqual(await found({ ...nobody, subject: A }), ["one", A]);
    await store.deleteClient("one", makeAudit());
    assert.deepEqual(await found({ ...nobody, subject: A }), ["one", A]);
    const patterns = await store.suspensionsOf([{ ...nobody, subject: A }]);
    assert.ok(patterns.some(({ value }) => value === targets[3].value));
    for (const target of targets) await store.resume(target, makeAudit());
    assert.deepEqual(await found({ ...nobody, subject: A }), []);
  });

  check(
    "what is suspended outlasts its lease, and is there when it is resumed",
    async (store) => {
      const shared = "spiffe://example.org/ns/shared/*";
      const targets = [
        { scope: "trust", value: "example.org" },
        { scope: "rule", value: "agents" },
        { scope: "subject", value: A },
        { scope: "subject", value: "spiffe://example.org/*/prod/**" },
        { scope: "subject", value: "spiffe://example.org/ns/shared/7/*" },
        { scope: "client", value: "one" },
      ] as const;
      let now = 1000;
      const sweep = () => store.sweep(now, 500, 10, randomUUID);
      for (const [turn, target] of targets.entries()) {
        const subject = target.value.includes("shared") ? shared : A;
        const clientId = subject === A ? "one" : "shared";
        await store.register(
          makeProposal({ subject, clientId, leaseExpiresAt: now }),
        );
        if (turn % 2 === 1) {
          now += 1;
          assert.equal((await sweep()).expired, 1, "before it is suspended");
        }
        await store.suspend({ ...target, reason: "", since: 1 }, makeAudit());
        for (let month = 0; month < 3; month++) {
          now += 2_600_000;
          const swept = await sweep();
          assert.deepEqual(swept, { expired: 0, removed: 0, kept: 1 });
          assert.equal((await sweep()).kept, 0, "for a while");
        }
        await store.resume(target, makeAudit());
        assert.ok(await store.findClient(clientId));
        if (turn % 2 === 0) {
          assert.equal(await store.countClients(), 1);
          assert.equal((await sweep()).expired, 0, "it may renew its lease");
          now += 2_600_000;
          assert.equal((await sweep()).expired, 1);
        }
        now += 2_600_000;
        assert.equal((await sweep()).removed, 1);
        assert.equal(await store.findClient(clientId), undefined);
      }
    },
  );

  const counter =
    (store: Store) =>
    async (scope: SuspensionTarget["scope"], value: string) => {
      const { clients, complete } = await store.countTargets({ scope, value });
      assert.equal(complete, true);
      return clients;
    };

  check("counts what a withdrawal would hit", async (store) => {
    const subjects = [
      "spiffe://example.org/ns/prod/a",
      "spiffe://example.org/ns/prod/a/b",
      "spiffe://example.org/ns/production/a",
    ];
    for (const subject of subjects)
      await store.register(makeProposal({ subject, rule: "one" }));
    const count = counter(store);
    assert.equal(await count("rule", "one"), 3);
    assert.equal(await count("rule", "two"), 0);
    assert.equal(await count("client", subjects[0] ?? ""), 1);
    assert.equal(await count("subject", "spiffe://example.org/ns/prod/*"), 1);
    assert.equal(await count("subject", "spiffe://example.org/ns/prod/**"), 2);
    assert.equal(await count("subject", subjects[2] ?? ""), 1);
    assert.equal(await count("subject", "spiffe://example.org/ns/prod"), 0);
  });

  check("counts no client whose lease was ended", async (store) => {
    await store.register(makeProposal({ leaseExpiresAt: 1000 }));
    await store.register(makeProposal({ subject: subjectOf(1) }));
    await store.sweep(1001, 500, 10, randomUUID);
    const count = counter(store);
    assert.equal(await count("trust", "example.org"), 1);
    assert.equal(await count("rule", "agents"), 1);
    assert.equal(await count("subject", "spiffe://example.org/**"), 1);
    assert.equal(await count("subject", A), 0);
    assert.equal(await count("client", A), 0);
    assert.equal(await count("client", subjectOf(1)), 1);
  });

  check(
    "counts every client of a subject once, beyond a page of them",
    async (store) => {
      const registered = Array.from({ length: 2100 }, (_, i) =>
        store.register(
          makeProposal({
            subject: subjectOf(Math.floor(i / 2)),
            clientId: `client-${i}`,
            softwareId: `software-${i % 2}`,
          }),
        ),
      );
      await Promise.all(registered);
      const count = counter(store);
      assert.equal(await count("subject", "spiffe://example.org/**"), 2100);
      assert.equal(await count("subject", subjectOf(7)), 2);
    },
  );

  check(
    "counts a client that many SPIFFE IDs share where it hits some of them",
    async (store) => {
      const shared = "spiffe://example.org/ns/prod/agent/*";
      await store.register(makeProposal({ subject: shared }));
      const count = counter(store);
      for (const [value, clients] of [
        ["spiffe://example.org/ns/prod/agent/7", 1],
        ["spiffe://example.org/ns/prod/agent/7/*", 1],
        ["spiffe://example.org/ns/*/agent/**", 1],
        ["spiffe://example.org/**", 1],
        [shared, 1],
        ["spiffe://example.org/ns/prod/*", 0],
        ["spiffe://example.org/ns/prod/agent", 0],
        ["spiffe://example.org/ns/prod/agents/7", 0],
        ["spiffe://example.org/ns/*/other/**", 0],
        ["spiffe://other.example/ns/prod/agent/7", 0],
      ] as const)
        assert.equal(await count("subject", value), clients, value);
    },
  );
}

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { AccreditStore, StoreFailure } from "@accredit/store";
import { makeProposal } from "@accredit/testkit";
import { startWriter } from "../src/sqlite/start-writer.ts";
import { WriteQueue } from "../src/lib/write-queue.ts";
import { fixturePath, startFixture } from "./support/children.ts";
import { makeDirectory } from "./support/directory.ts";
import { assertCode, openStore } from "./support/store.ts";

const UNAVAILABLE = { name: "DcrError", code: "store_unavailable" };
const subject = (i: number): string => `spiffe://example.org/agent/${i}`;

async function registerUntilRefused(store: AccreditStore): Promise<number> {
  for (let i = 0; i < 5000; i++) {
    try {
      await store.register(makeProposal({ subject: subject(i) }));
    } catch (error) {
      assertCode(error, "store_unavailable");
      return i;
    }
  }
  throw new Error("never refused");
}

test("[Q04] a full disk refuses writes, keeps reading, and recovers by itself", async (t) => {
  const path = `${makeDirectory()}/a.db`;
  const failures: StoreFailure[] = [];
  const store = await openStore(t, {
    path,
    maxBytes: 600_000,
    onFailure: (failure) => failures.push(failure),
  });
  // Takes room that can be given back, as another program on the same disk would.
  const other = new DatabaseSync(path, { timeout: 5000 });
  other.exec(
    "INSERT INTO write_probe (id, filler) VALUES (7, zeroblob(200000))",
  );
  const fitting = await registerUntilRefused(store);
  assert.ok(fitting > 0);
  assert.equal(await store.findClient(subject(fitting)), undefined);
  assert.equal(
    (await store.findClient(subject(fitting - 1)))?.clientId,
    subject(fitting - 1),
  );
  assert.equal(await store.countClients(), fitting);
  assert.equal((await store.readAudit({ limit: 5000 })).length, fitting);
  await assert.rejects(store.ping(), UNAVAILABLE);
  assert.deepEqual(
    failures.map((failure) => failure.kind),
    ["disk_full"],
  );

  other.exec("DELETE FROM write_probe");
  other.close();
  await store.ping();
  await store.register(makeProposal({ subject: subject(fitting) }));
  assert.equal(await store.countClients(), fitting + 1);
  await store.close();
});

interface Broken {
  readonly acknowledged: number;
  readonly refusal: string;
  readonly failures: readonly string[];
  readonly ping: string;
  readonly nextWrite: string;
  readonly read: string;
}

/** What a store that broke for good must have answered, and must still hold when opened anew. */
async function assertBroken(
  t: TestContext,
  path: string,
  output: string,
): Promise<void> {
  const { acknowledged, ...rest } = JSON.parse(output) as Broken;
  assert.ok(acknowledged > 0);
  assert.deepEqual(rest, {
    refusal: "store_unavailable",
    failures: ["broken"],
    ping: "store_unavailable",
    nextWrite: "store_unavailable",
    read: subject(0),
  });
  const store = await openStore(t, {
    path,
    integrityCheck: "full",
  });
  for (let i = 0; i < acknowledged; i++) {
    assert.equal((await store.findClient(subject(i)))?.clientId, subject(i));
  }
  await store.close();
}

test("[Q03] a write the system refuses breaks the store for good", async (t) => {
  const path = `${makeDirectory()}/a.db`;
  // Beyond this size a write gives EFBIG, which SQLite reports as an input/output error.
  const fixture = startFixture("register-until-broken.ts", [path], {
    shellPrefix: "ulimit -f 2048",
  });
  assert.deepEqual(await fixture.ended, { code: 0, signal: null });
  await assertBroken(t, path, fixture.output());
});

const compiler =
  process.platform === "linux"
    ? spawnSync("cc", ["--version"]).status === 0
    : false;
test(
  "[Q03] a sync that fails breaks the store for good and is never tried again",
  { skip: compiler ? false : "needs Linux and a C compiler" },
  async (t) => {
    const directory = makeDirectory();
    const library = `${directory}/failing-sync.so`;
    const source = fixturePath("failing-sync.c");
    const args = ["-shared", "-fPIC", "-o", library, source];
    assert.equal(spawnSync("cc", args).status, 0);
    const path = `${directory}/a.db`;
    const fixture = startFixture("register-until-broken.ts", [path], {
      env: { LD_PRELOAD: library, FAIL_SYNC: "40" },
    });
    assert.deepEqual(await fixture.ended, { code: 0, signal: null });
    assert.doesNotMatch(fixture.output(), /synced again/u);
    await assertBroken(t, path, fixture.output());
  },
);

test("a writer thread that dies fails every write and the readiness", async () => {
  const failures: StoreFailure[] = [];
  const thread = await startWriter(
    {
      path: "unused",
      busyTimeoutMs: 1,
      integrityCheck: "off",
      maxBytes: undefined,
      now: 1,
    },
    new URL("./fixtures/dying-thread.ts", import.meta.url),
  );
  const queue = new WriteQueue(thread, {
    maxPending: 10,
    maxBatch: 2,
    now: () => 0,
    onFailure: (failure) => failures.push(failure),
  });
  const writes = await Promise.allSettled(
    Array.from({ length: 5 }, () => queue.submit({ kind: "probe" })),
  );
  for (const write of writes) {
    assert.equal(write.status, "rejected");
    assertCode(write.reason, "store_unavailable");
  }
  await assert.rejects(queue.submit({ kind: "probe" }), UNAVAILABLE);
  assert.equal(queue.failure?.kind, "broken");
  assert.equal(failures.length, 1);
  await queue.close();
});

test("a file that is moved away makes the store not ready", async (t) => {
  const path = `${makeDirectory()}/a.db`;
  const store = await openStore(t, { path });
  await store.ping();
  renameSync(path, `${path}.old`);
  await assert.rejects(store.ping(), UNAVAILABLE);
  renameSync(`${path}.old`, path);
  await store.ping();
  await store.close();
});

test("another process holding the write lock makes writes fail, not the store", async (t) => {
  const path = `${makeDirectory()}/a.db`;
  const store = await openStore(t, {
    path,
    busyTimeoutMs: 20,
  });
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  await assert.rejects(store.register(makeProposal()), {
    ...UNAVAILABLE,
    message: /locked/u,
  });
  await store.ping();
  other.exec("ROLLBACK");
  other.close();
  assert.equal((await store.register(makeProposal())).created, true);
  await store.close();
});

test("more writes than the limit are refused as overload, the others are made", async (t) => {
  const store = await openStore(t, {
    path: `${makeDirectory()}/a.db`,
    maxPendingWrites: 5,
  });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, (_, i) =>
      store.register(makeProposal({ subject: subject(i) })),
    ),
  );
  for (const [i, outcome] of outcomes.entries()) {
    assert.equal(outcome.status, i < 5 ? "fulfilled" : "rejected");
    if (outcome.status === "rejected") {
      assertCode(outcome.reason, "overloaded");
    }
  }
  assert.equal(await store.countClients(), 5);
  await store.register(makeProposal({ subject: subject(7) }));
  await store.close();
});

test("closing writes what was accepted before", async (t) => {
  const path = `${makeDirectory()}/a.db`;
  const store = await openStore(t, { path });
  const writes = Array.from({ length: 2500 }, (_, i) =>
    store.register(makeProposal({ subject: subject(i) })),
  );
  await store.close();
  assert.equal((await Promise.all(writes)).length, 2500);
  const again = await openStore(t, { path });
  assert.equal(await again.countClients(), 2500);
  await again.close();
});

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { backUpSqlite, openSqliteStore, type Backup } from "@accredit/store";
import { makeAudit, makeProposal } from "@accredit/testkit";
import { FIXED_CLOCK, makeDirectory } from "./support/directory.ts";

const subjectOf = (n: number): string => `spiffe://example.org/agent/${n}`;

async function open(t: TestContext, path: string) {
  const store = await openSqliteStore({ path, clock: FIXED_CLOCK });
  t.after(() => store.close());
  return store;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Backs up beside this thread, which goes on writing. */
function backUpBeside(path: string, target: string): Promise<Backup> {
  const module = JSON.stringify(
    new URL("../src/sqlite/back-up.ts", import.meta.url).href,
  );
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     import(${module}).then(({ backUpSqlite }) =>
       parentPort.postMessage(backUpSqlite(${JSON.stringify(path)}, ${JSON.stringify(target)})));`,
    { eval: true },
  );
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

test("[Q22] a backup that is made under load, opened elsewhere, has every client from before it, and what was revoked stays so", async (t) => {
  const directory = makeDirectory();
  const path = join(directory, "a.db");
  const target = join(directory, "elsewhere.db");
  const store = await open(t, path);
  const expiresAt = FIXED_CLOCK.now() + 1000;
  for (let n = 0; n < 200; n++)
    await store.register(makeProposal({ subject: subjectOf(n) }));
  // While it reads, what follows stays in the log: a copy of the file alone lacks it.
  const reader = new DatabaseSync(path, { readOnly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM clients").get();
  await store.revokeToken("revoked", subjectOf(1), expiresAt, makeAudit());
  await store.suspend(
    { scope: "trust", value: "other.example", reason: "", since: 1 },
    makeAudit(),
  );
  await store.deleteClient(subjectOf(0), makeAudit());
  const { sequence } = await store.verifyAudit();

  const load = { isOver: false };
  let written = 0;
  const loading = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (!load.isOver) {
        const subject = `spiffe://example.org/late/${randomUUID()}`;
        await store.register(makeProposal({ subject }));
        written++;
      }
    }),
  );
  await until(() => written > 50);
  const { bytes, place } = await backUpBeside(path, target);
  reader.close();
  const [then, { size, mode }] = [written, statSync(target)];
  await until(() => written > then);
  load.isOver = true;
  await loading;

  assert.equal(size, bytes);
  assert.equal(mode & 0o777, 0o600);
  const copy = await open(t, target);
  for (let n = 1; n < 200; n++)
    assert.equal((await copy.findClient(subjectOf(n)))?.subject, subjectOf(n));
  assert.equal(await copy.findClient(subjectOf(0)), undefined);
  assert.equal(await copy.isTokenRevoked("revoked"), true);
  assert.equal((await copy.suspensions()).length, 1);
  const verdict = await copy.verifyAudit();
  assert.equal(verdict.broken, null);
  assert.ok(verdict.sequence >= sequence);
  assert.deepEqual(place, {
    sequence: verdict.sequence,
    chain: verdict.head,
  });
  // The trail that went on still leads up to the copy's end.
  const later = await store.verifyAudit({ after: place });
  assert.equal(later.broken, null);
  assert.ok(later.rows > 0);
});

test("a backup replaces nothing, and leaves nothing behind where it fails", async (t) => {
  const directory = makeDirectory();
  const path = join(directory, "a.db");
  const store = await open(t, path);
  await store.register(makeProposal());
  const there = join(directory, "there");
  writeFileSync(there, "kept");
  assert.throws(() => backUpSqlite(path, there), /not to exist, got a file/);
  assert.throws(
    () => backUpSqlite(join(directory, "none.db"), join(directory, "b.db")),
    /expected a database at .*none\.db, got no file/,
  );
  const text = join(directory, "text.db");
  writeFileSync(
    text,
    "no database, only a text that is long enough to be read",
  );
  assert.throws(() => backUpSqlite(text, join(directory, "b.db")));
  assert.throws(() => backUpSqlite(path, join(directory, "missing", "b.db")));
  assert.ok(readdirSync(directory).every((name) => !name.includes("partial")));
  assert.equal(statSync(there).size, 4);
});

test("a database of a release that kept no account of its trail is backed up too", () => {
  const directory = makeDirectory();
  const path = join(directory, "old.db");
  const old = new DatabaseSync(path);
  old.exec("CREATE TABLE clients (id INTEGER PRIMARY KEY)");
  old.close();
  const { place } = backUpSqlite(path, join(directory, "copy.db"));
  assert.equal(place, undefined);
});

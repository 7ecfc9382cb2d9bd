import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { openSqliteStore } from "@accredit/store";
import { makeAudit, makeProposal } from "@accredit/testkit";
import { CHAINED_COLUMNS, chainValue } from "../src/lib/audit-chain.ts";
import { checksum, migrate, readPragma } from "../src/sqlite/migrate.ts";
import { MIGRATIONS } from "../src/sqlite/migrations/index.ts";
import { fixturePath, startFixture } from "./support/children.ts";
import { FIXED_CLOCK, makeDirectory } from "./support/directory.ts";

/** The checksums of the released steps. A step that is released never changes: add a new one. */
const RELEASED = [
  "f578dcb4ac6172ac58508516112a75eaf81de2f4270713663726ca9552172956",
  "80dc2f2f5c7f6b495ff6472b1ca41995bc05c94f532008fe15941e6721524894",
  "179056df3af42ffce3713a436d63f5c457a1523f86d35c78cfcb1d2d13e2360f",
  "d09445b43c8aa8ce8319f5440adb550bdae73a900619f6df8798ee3680b45ef4",
  "d2960b4ff55b428c0529358a235625c4e925c8d1978037e02b7dafecc170b8ad",
  "d9cf75f083fd1863bf3efc22ac55530db96b925ec98f5a886f16f52c92b3008c",
  "de866eaeb3b01eb1e39e9cb01f88f407af32c35bbe6e508def76641750f063af",
  "d513878ee85280b31e2d84b43e9af9fdc793f0718a01637bc046f8fc3792a645",
  "541c0ed59cd2ee8fb8dacce66f187b3e83bf3bd3f1e4c57030a8e70856e213e2",
  "cba2c08b70af9e7dc693c7291862d3aa3d08a7d5c507dae49563e0d17b3b8a57",
  "de185dbabe1be15e8b805e6b3f54cc604dbe81fd4fbec908628c210f498b0abc",
  "0e802312f3c0d41c5556df3496a50b72ebd876a7f7df754251dc1db62da33ea1",
  "983e1ac77717f74d3796452908e2ceadce98647d5d230b38ef30163b5b15e8d1",
  "dc8afb1a7805b72b8f76bbe4017a129f91f2498bc9115ffbd033f1ed806ec4a5",
];

test("released migrations are what they were", () => {
  assert.deepEqual(
    MIGRATIONS.map((step) => checksum(step)),
    RELEASED,
  );
  assert.deepEqual(
    MIGRATIONS.map((step) => step.version),
    RELEASED.map((_, i) => i + 1),
  );
});

function versionOf(path: string): number {
  const db = new DatabaseSync(path);
  try {
    return readPragma(db, "user_version");
  } finally {
    db.close();
  }
}

/** The tables, columns, indexes and triggers, however the file came to have them. */
function schemaOf(path: string): unknown[] {
  const db = new DatabaseSync(path);
  try {
    return db
      .prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name",
      )
      .all()
      .map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

async function newDatabase(): Promise<string> {
  const path = `${makeDirectory()}/a.db`;
  const store = await openSqliteStore({ path, clock: FIXED_CLOCK });
  await store.close();
  return path;
}

test("an empty file gets the latest schema, and opening again changes nothing", async () => {
  const path = await newDatabase();
  assert.equal(versionOf(path), MIGRATIONS.length);
  const schema = schemaOf(path);
  const store = await openSqliteStore({ path, clock: FIXED_CLOCK });
  await store.close();
  assert.deepEqual(schemaOf(path), schema);
});

test("a database of version 1 keeps what it holds and gets the latest schema", async () => {
  const path = `${makeDirectory()}/a.db`;
  const old = new DatabaseSync(path);
  old.exec(readFileSync(fixturePath("schema-1.sql"), "utf8"));
  old.close();
  assert.equal(versionOf(path), 1);

  const store = await openSqliteStore({ path, clock: FIXED_CLOCK });
  const subject = "spiffe://example.org/agent/old";
  const client = await store.findClient("opaque-old");
  assert.equal(client?.subject, subject);
  assert.equal(client?.issuedAt, 1_740_000_000);
  assert.equal(await store.countClients(), 1);
  const again = await store.register(
    makeProposal({ subject, clientId: "opaque-new" }),
  );
  assert.equal(again.client.clientId, "opaque-old");
  assert.equal(again.client.issuedAt, 1_740_000_000);
  const keys = await store.loadOrCreateSigningKeys(() =>
    Promise.reject(new Error("not to be called")),
  );
  assert.deepEqual(
    keys.map((key) => key.kid),
    ["key-old"],
  );
  const audit = await store.readAudit({ limit: 10 });
  assert.deepEqual(
    audit.map((row) => row.action),
    ["client.updated", "client.registered"],
  );
  const verdict = await store.verifyAudit();
  assert.equal(verdict.broken, null);
  assert.equal(verdict.unchained, 1);
  await store.revokeToken("t", "opaque-old", 4_000_000_000, makeAudit());
  assert.equal(await store.isTokenRevoked("t"), true);
  await store.close();
  assert.equal(versionOf(path), MIGRATIONS.length);
  assert.deepEqual(schemaOf(path), schemaOf(await newDatabase()));
});

test("a client that version 4 says has ended is kept as one that ended with the migration", async () => {
  const path = `${makeDirectory()}/a.db`;
  const old = new DatabaseSync(path);
  migrate(old, MIGRATIONS.slice(0, 4), 1);
  old.exec(`INSERT INTO clients (client_id, kind, trust, subject, software_id, issued_at, updated_at, revision,
      rule, metadata, provenance, resources, lease_expires_at, state)
    VALUES ('opaque-old', 'spiffe', 'example.org', 'spiffe://example.org/agent/old', '', 1, 1, 1,
      'agents', '{}', '{}', '[]', 1000, 'ended')`);
  old.close();
  const before = Math.floor(Date.now() / 1000);
  const store = await openSqliteStore({ path, clock: FIXED_CLOCK });
  const sweep = (now: number) => store.sweep(now, 60, 100, randomUUID);
  const { removed } = await sweep(before + 60);
  assert.equal(removed, 0);
  assert.ok(await store.findClient("opaque-old"));
  assert.equal((await sweep(before + 3600)).removed, 1);
  await store.close();
});

/** Appends an audit row as releases of schema version 4 to 7 do. */
function appendAsBefore(db: DatabaseSync, id: string): void {
  const last = db.prepare("SELECT chain FROM audit ORDER BY seq DESC LIMIT 1");
  const previous = last.get()?.["chain"] ?? null;
  const told = [id, 1, null, "[]", null, null, null, null];
  const columns = [...told, "client.registered", "c"];
  db.prepare(
    `INSERT INTO audit (${CHAINED_COLUMNS.join(", ")}, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(...columns, chainValue(previous as string | null, columns));
}

test("the account of a trail of version 7 knows where its chain begins and ends, and follows whoever writes", async () => {
  const path = `${makeDirectory()}/a.db`;
  const old = new DatabaseSync(path);
  migrate(old, MIGRATIONS.slice(0, 7), 1);
  for (const id of ["a", "b"])
    old.exec(
      `INSERT INTO audit (id, time, action, reasons) VALUES ('${id}', 1, 'client.registered', '[]')`,
    );
  appendAsBefore(old, "c");
  const store = await openSqliteStore({ path, clock: FIXED_CLOCK });
  await store.register(makeProposal());
  appendAsBefore(old, "d");
  await store.register(makeProposal());
  const { rows, unchained, complete, broken } = await store.verifyAudit();
  assert.deepEqual(
    { rows, unchained, complete, broken },
    { rows: 6, unchained: 2, complete: true, broken: null },
  );
  old.exec("DROP TRIGGER audit_no_update");
  old.exec("UPDATE audit SET chain = NULL");
  old.close();
  assert.equal((await store.verifyAudit()).broken?.sequence, 3);
  await store.close();
});

for (const { version, name } of MIGRATIONS) {
  test(`[Q09] killed in the middle of migration ${version} (${name}), the next start completes it`, async () => {
    const path = `${makeDirectory()}/a.db`;
    const fixture = startFixture("die-in-migration.ts", [
      path,
      String(version),
    ]);
    assert.equal((await fixture.ended).signal, "SIGKILL");
    assert.equal(versionOf(path), version - 1);
    const store = await openSqliteStore({
      path,
      clock: FIXED_CLOCK,
      integrityCheck: "full",
    });
    await store.register(makeProposal());
    await store.close();
    assert.equal(versionOf(path), MIGRATIONS.length);
    assert.deepEqual(schemaOf(path), schemaOf(await newDatabase()));
  });
}

import assert from "node:assert/strict";
import {
  chmodSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { MIGRATIONS } from "../src/sqlite/migrations/index.ts";
import { openSqliteStore } from "@accredit/store";
import type { IntegrityCheck, AccreditStore } from "@accredit/store";
import { makeProposal } from "@accredit/testkit";
import { FIXED_CLOCK, makeDirectory } from "./support/directory.ts";

const open = (
  path: string,
  integrityCheck: IntegrityCheck = "auto",
): Promise<AccreditStore> =>
  openSqliteStore({ path, clock: FIXED_CLOCK, integrityCheck });

async function assertRefused(
  path: string,
  check: string,
  message: RegExp,
  integrityCheck?: IntegrityCheck,
): Promise<void> {
  await assert.rejects(open(path, integrityCheck), {
    name: "DcrError",
    code: "store_unavailable",
    data: { check },
    message,
  });
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

/** A database holding `clients` clients, closed cleanly. */
async function makeDatabase(clients = 1): Promise<string> {
  const path = `${makeDirectory()}/a.db`;
  const store = await open(path);
  await Promise.all(
    Array.from({ length: clients }, (_, i) =>
      store.register(
        makeProposal({ subject: `spiffe://example.org/agent/${i}` }),
      ),
    ),
  );
  await store.close();
  return path;
}

function change(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

test("makes the directory and the file for their owner alone", async () => {
  const directory = `${makeDirectory()}/some/where`;
  const path = `${directory}/a.db`;
  const store = await open(path);
  await store.register(makeProposal());
  assert.equal(modeOf(directory), 0o700);
  const files = readdirSync(directory).sort();
  assert.deepEqual(files, ["a.db", "a.db-reserve", "a.db-shm", "a.db-wal"]);
  for (const file of files) assert.equal(modeOf(`${directory}/${file}`), 0o600);
  await store.close();
  assert.deepEqual(readdirSync(directory), ["a.db", "a.db-reserve"]);
});

test("takes group and world access away from an existing file", async () => {
  const path = await makeDatabase();
  chmodSync(path, 0o664);
  const store = await open(path);
  assert.equal(modeOf(path), 0o600);
  await store.close();
});

test("[Q07] the file is in write-ahead mode and marked as ours", async () => {
  const path = await makeDatabase();
  const db = new DatabaseSync(path);
  const pragma = (name: string): unknown =>
    Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  assert.equal(pragma("journal_mode"), "wal");
  assert.equal(pragma("application_id"), 0x41434352);
  db.close();
});

test("refuses a path that is no file path", async () => {
  for (const path of ["", ":memory:", "a\0b"]) {
    await assert.rejects(open(path), TypeError);
  }
});

test("refuses a directory that cannot be made", async () => {
  const file = `${makeDirectory()}/file`;
  writeFileSync(file, "");
  await assertRefused(`${file}/a.db`, "directory_writable", /ENOTDIR|EEXIST/u);
});

test("refuses a path that names a directory", async () => {
  await assertRefused(makeDirectory(), "file_type", /not a regular file/u);
});

test("refuses a file that is no database, and leaves it as it is", async () => {
  const path = `${makeDirectory()}/a.db`;
  writeFileSync(path, "x".repeat(9000));
  await assertRefused(path, "file_format", /not a database/u);
  assert.equal(readFileSync(path, "utf8"), "x".repeat(9000));
});

test("refuses another application's database, and leaves it as it is", async () => {
  for (const sql of [
    "CREATE TABLE clients (id INTEGER)",
    "PRAGMA application_id = 7",
  ]) {
    const path = `${makeDirectory()}/a.db`;
    change(path, sql);
    const before = readFileSync(path);
    await assertRefused(path, "application_id", /another application/u);
    assert.deepEqual(readFileSync(path), before);
  }
});

test("[Q09] refuses the schema of a newer release, and leaves it as it is", async () => {
  const path = await makeDatabase();
  change(path, "PRAGMA user_version = 99");
  await assertRefused(path, "schema_version", /version 99/u);
  change(path, `PRAGMA user_version = ${MIGRATIONS.length}`);
  const store = await open(path);
  assert.equal(await store.countClients(), 1);
  await store.close();
});

test("refuses a database whose recorded migrations are not ours", async () => {
  for (const sql of [
    "UPDATE schema_migrations SET checksum = 'x' WHERE version = 2",
    "DELETE FROM schema_migrations WHERE version = 2",
    `INSERT INTO schema_migrations VALUES (${MIGRATIONS.length + 1}, 'x', 'x', 0)`,
  ]) {
    const path = await makeDatabase();
    change(path, sql);
    await assertRefused(path, "schema_history", /migrations/u);
  }
});

test("[Q21] refuses a database with a damaged page and names the check", async () => {
  const path = await makeDatabase(200);
  const content = readFileSync(path);
  const page = Math.floor(content.byteLength / 4096 / 2);
  content.fill(0x5a, page * 4096, (page + 1) * 4096);
  writeFileSync(path, content);
  await assertRefused(path, "quick_check", /quick_check/u);
  await assertRefused(path, "integrity_check", /integrity_check/u, "full");
});

test("[Q21] an index that misses a row is found by the full check", async () => {
  const path = await makeDatabase(5);
  const db = new DatabaseSync(path, { defensive: false });
  // Hides the index from the delete, then brings it back.
  db.exec("PRAGMA writable_schema = ON");
  const sql = "sql FROM sqlite_schema WHERE name = 'revoked_tokens_by_expiry'";
  const text = db.prepare(`SELECT ${sql}`).get()?.["sql"];
  assert.equal(typeof text, "string");
  db.exec(
    "UPDATE sqlite_schema SET sql = replace(sql, '(expires_at)', '(client_id)') WHERE name = 'revoked_tokens_by_expiry'",
  );
  db.close();
  change(path, "INSERT INTO revoked_tokens VALUES ('t', 'c', 1)");
  const again = new DatabaseSync(path, { defensive: false });
  again.exec("PRAGMA writable_schema = ON");
  again
    .prepare(
      "UPDATE sqlite_schema SET sql = ? WHERE name = 'revoked_tokens_by_expiry'",
    )
    .run(text ?? null);
  again.close();
  await assertRefused(path, "integrity_check", /integrity_check/u, "full");
});

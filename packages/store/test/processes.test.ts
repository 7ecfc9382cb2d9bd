import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { firstOutput, startFixture } from "./support/children.ts";
import { makeDirectory } from "./support/directory.ts";

interface Result {
  readonly clientIds: readonly string[];
  readonly created: number;
  readonly keyIds: readonly string[];
}

test("[Q08] [I01] processes racing on one new file agree on every client and key", async () => {
  const path = `${makeDirectory()}/new/a.db`;
  const count = 300;
  const fixtures = ["one", "two", "three"].map((name) =>
    startFixture("register-together.ts", [path, name, String(count)]),
  );
  await Promise.all(fixtures.map((fixture) => firstOutput(fixture)));
  for (const { child } of fixtures) child.stdin?.end("go\n");

  const results: Result[] = [];
  for (const fixture of fixtures) {
    // Code 0 without process.exit: closing left no handle behind.
    assert.deepEqual(await fixture.ended, { code: 0, signal: null });
    results.push(JSON.parse(fixture.output()) as Result);
  }
  const [first] = results;
  for (const result of results) {
    assert.deepEqual(result.clientIds, first?.clientIds);
    assert.deepEqual(result.keyIds, first?.keyIds);
    assert.equal(result.keyIds.length, 1);
  }
  const created = results.reduce((sum, result) => sum + result.created, 0);
  assert.equal(created, count);

  const db = new DatabaseSync(path);
  const rows = db
    .prepare(
      "SELECT count(*) AS clients, count(DISTINCT subject) AS subjects FROM clients",
    )
    .get();
  assert.deepEqual({ ...rows }, { clients: count, subjects: count });
  const audit = db.prepare("SELECT count(*) AS n FROM audit").get();
  assert.equal(audit?.["n"], count * fixtures.length);
  db.close();
});

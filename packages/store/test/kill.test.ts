import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DcrError } from "@accredit/core/errors";
import { openSqliteStore } from "@accredit/store";
import { firstOutput, startFixture } from "./support/children.ts";
import { FIXED_CLOCK, makeDirectory } from "./support/directory.ts";

/** One acknowledged registration. */
interface Acknowledged {
  readonly clientId: string;
  readonly subject: string;
}

const ROUNDS = Number(process.env["ACCREDIT_KILL_ROUNDS"] ?? "20");
// A control loses something in its first round or two; more rounds only rule out bad luck.
const CONTROL_ROUNDS = 20;

/** Lets a child register clients, kills it with SIGKILL, returns what it had acknowledged. */
async function killWhileRegistering(
  path: string,
  mode: "honest" | "early",
): Promise<readonly Acknowledged[]> {
  const fixture = startFixture("register-forever.ts", [path, mode]);
  await firstOutput(fixture);
  await sleep(randomInt(20, 200));
  assert.ok(fixture.child.pid !== undefined);
  // The whole process group, as a container runtime would.
  process.kill(-fixture.child.pid, "SIGKILL");
  assert.equal((await fixture.ended).signal, "SIGKILL");
  // What stands behind the last newline was cut off and counts as not acknowledged.
  const lines = fixture.output().split("\n").slice(0, -1);
  return lines.map((line) => {
    const [clientId = "", subject = ""] = line.split(" ");
    return { clientId, subject };
  });
}

/** Opens the database with the full integrity check and counts the acknowledged clients it lost. */
async function countLost(
  path: string,
  acknowledged: readonly Acknowledged[],
): Promise<number> {
  const store = await openSqliteStore({
    path,
    clock: FIXED_CLOCK,
    integrityCheck: "full",
  });
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    // All at once: the audit trail has no index by client.
    const audited = new Map(
      db
        .prepare(
          "SELECT client_id, count(*) AS n FROM audit WHERE action = 'client.registered' GROUP BY client_id",
        )
        .all()
        .map((row) => [row["client_id"], row["n"]]),
    );
    let lost = 0;
    for (const { clientId, subject } of acknowledged) {
      const [bySubject] = await store.findSpiffeClients(subject);
      const kept =
        bySubject?.clientId === clientId && audited.get(clientId) === 1;
      if (!kept) lost++;
    }
    const clients = db.prepare("SELECT count(*) AS n FROM clients").get();
    assert.equal(await store.countClients(), clients?.["n"]);
    return lost;
  } finally {
    db.close();
    await store.close();
  }
}

/** Kills again and again on one database; returns how many registrations had been acknowledged. */
async function killRepeatedly(rounds: number): Promise<number> {
  const path = `${makeDirectory()}/a.db`;
  const acknowledged: Acknowledged[] = [];
  for (let round = 0; round < rounds; round++) {
    acknowledged.push(...(await killWhileRegistering(path, "honest")));
    assert.equal(await countLost(path, acknowledged), 0, `round ${round}`);
  }
  return acknowledged.length;
}

test(`[Q01] ${ROUNDS} kills lose no acknowledged registration`, async () => {
  const half = Math.ceil(ROUNDS / 2);
  const [one, two] = await Promise.all([
    killRepeatedly(half),
    killRepeatedly(ROUNDS - half),
  ]);
  assert.ok(one + two >= ROUNDS, "something was at stake in every round");
});

test("[Q01] control: acknowledging before the commit loses registrations", async () => {
  const path = `${makeDirectory()}/a.db`;
  let lost = 0;
  for (let round = 0; round < CONTROL_ROUNDS && lost === 0; round++) {
    lost += await countLost(path, await killWhileRegistering(path, "early"));
  }
  assert.ok(lost > 0, "the harness would not notice a lost registration");
});

test("[Q01] control: deleting the write-ahead log loses registrations", async () => {
  const path = `${makeDirectory()}/a.db`;
  let lost = 0;
  for (let round = 0; round < CONTROL_ROUNDS && lost === 0; round++) {
    const acknowledged = await killWhileRegistering(path, "honest");
    rmSync(`${path}-wal`);
    rmSync(`${path}-shm`, { force: true });
    try {
      lost += await countLost(path, acknowledged);
    } catch (error) {
      // Killed while the log was being moved: without it the database is not whole, and does not open.
      assert.ok(error instanceof DcrError, String(error));
      assert.equal(error.code, "store_unavailable");
      lost += acknowledged.length;
    }
  }
  assert.ok(lost > 0, "the harness would not notice a lost registration");
});

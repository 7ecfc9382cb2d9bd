import assert from "node:assert/strict";
import {
  copyFileSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { openSqliteStore } from "@accredit/store";
import type { IntegrityCheck } from "@accredit/store";
import { makeProposal } from "@accredit/testkit";
import { FIXED_CLOCK, makeDirectory } from "./support/directory.ts";

const HEADER = 32;
const FRAME = 24 + 4096;
const CLIENTS = 5;

/** The files of a store as a crash leaves them: everything is still in the write-ahead log. */
async function crash(): Promise<string> {
  const directory = makeDirectory();
  const store = await openSqliteStore({
    path: `${directory}/a.db`,
    clock: FIXED_CLOCK,
  });
  for (let i = 0; i < CLIENTS; i++) {
    const subject = `spiffe://example.org/agent/${i}`;
    await store.register(makeProposal({ subject }));
  }
  for (const suffix of ["", "-wal"]) {
    copyFileSync(`${directory}/a.db${suffix}`, `${directory}/b.db${suffix}`);
  }
  await store.close();
  return `${directory}/b.db`;
}

async function countAfterRecovery(
  path: string,
  integrityCheck: IntegrityCheck = "auto",
): Promise<number> {
  const store = await openSqliteStore({
    path,
    clock: FIXED_CLOCK,
    integrityCheck,
  });
  const clients = await store.countClients();
  await store.close();
  return clients;
}

function flipByte(file: string, offset: number): void {
  const content = readFileSync(file);
  content.writeUInt8(content.readUInt8(offset) ^ 0xff, offset);
  writeFileSync(file, content);
}

test("[Q21] an undamaged log is recovered whole", async () => {
  assert.equal(await countAfterRecovery(await crash()), CLIENTS);
});

test("[Q21] a log with damage before its last transaction is refused by name", async () => {
  for (const offset of [
    HEADER + 30, // the first page
    HEADER + FRAME + 5, // a frame's commit mark
    HEADER + FRAME * 4 + 8, // a salt
    HEADER + FRAME * 4 + 17, // a stored checksum
    HEADER + FRAME * 12 + 2000,
  ]) {
    const path = await crash();
    flipByte(`${path}-wal`, offset);
    await assert.rejects(countAfterRecovery(path), {
      code: "store_unavailable",
      data: { check: "write_ahead_log" },
    });
  }
});

test("[Q21] switching the check off opens the damaged log and loses what follows", async () => {
  const path = await crash();
  const log = readFileSync(`${path}-wal`);
  const frames = (log.byteLength - HEADER) / FRAME;
  flipByte(`${path}-wal`, HEADER + FRAME * (frames - 10) + 100);
  const clients = await countAfterRecovery(path, "off");
  assert.ok(clients < CLIENTS, `${clients} clients`);
});

test("[Q21] a torn end, as a power loss leaves it, is no damage", async () => {
  for (const cut of [1, 4000, FRAME, FRAME + 1]) {
    const path = await crash();
    const log = readFileSync(`${path}-wal`);
    truncateSync(`${path}-wal`, log.byteLength - cut);
    assert.equal(await countAfterRecovery(path), CLIENTS - 1);
  }
});

test("[Q21] a log that was never finished being started is no damage", async () => {
  const path = await crash();
  const store = await openSqliteStore({ path, clock: FIXED_CLOCK });
  await store.close();
  for (const rest of [Buffer.alloc(0), Buffer.alloc(10), Buffer.alloc(9000)]) {
    writeFileSync(`${path}-wal`, rest);
    assert.equal(await countAfterRecovery(path), CLIENTS);
  }
});

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import type { Store } from "@accredit/core/ports";
import {
  makeAudit,
  makeProposal,
  mountSmallDisk,
  NO_SMALL_DISK,
} from "@accredit/testkit";
import type { AccreditStore } from "@accredit/store";
import { NOW } from "./support/directory.ts";
import { assertCode, openStore } from "./support/store.ts";

const MEBIBYTE = 1024 * 1024;
const RESERVE_BYTES = 8 * MEBIBYTE;
const FAR = 1_000_000;

const subject = (i: number): string => `spiffe://example.org/agent/${i}`;
const sweep = (store: Store, now: number) =>
  store.sweep(now, FAR, 100, randomUUID);
const register = (store: Store, i: number, leaseExpiresAt = NOW + FAR) =>
  store.register(makeProposal({ subject: subject(i), leaseExpiresAt }));

/** A directory on a disk of 16 MiB of which all but a little is taken by somebody else. */
function makeFullDisk(
  t: TestContext,
): { readonly path: string; readonly filler: string } | undefined {
  const disk = mountSmallDisk(16 * MEBIBYTE);
  if (disk === undefined) {
    t.skip(NO_SMALL_DISK);
    return undefined;
  }
  t.after(() => disk.remove());
  const filler = `${disk.directory}/filler`;
  writeFileSync(filler, Buffer.alloc(6 * MEBIBYTE, 1));
  return { path: `${disk.directory}/a.db`, filler };
}

async function fill(store: AccreditStore): Promise<number> {
  for (let i = 0; i < 20_000; i += 100) {
    const batch = Array.from({ length: 100 }, (_, k) => register(store, i + k));
    const failed = (await Promise.allSettled(batch)).find(
      (each) => each.status === "rejected",
    );
    if (failed === undefined) continue;
    assertCode(failed.reason, "store_unavailable");
    return i;
  }
  throw new Error("never full");
}

test("[Q04] on a full disk clients are suspended, deleted and swept, and nothing is registered", async (t) => {
  const disk = makeFullDisk(t);
  if (disk === undefined) return;
  const store = await openStore(t, { path: disk.path });
  assert.equal(statSync(`${disk.path}-reserve`).size, RESERVE_BYTES);
  const fitting = await fill(store);
  assert.ok(fitting > 200);

  for (let i = 0; i < 200; i++) {
    const value = subject(i);
    await store.suspend(
      { scope: "client", value, reason: "", since: NOW },
      makeAudit(),
    );
    assert.equal(await store.deleteClient(value, makeAudit()), true);
    assert.equal(
      await store.resume({ scope: "client", value }, makeAudit()),
      true,
    );
    // In the same batch as a withdrawal, too.
    const [refused, set] = await Promise.allSettled([
      register(store, fitting + 1000 + i),
      store.suspend(
        { scope: "rule", value: `r${i}`, reason: "", since: NOW },
        makeAudit(),
      ),
    ]);
    assert.equal(refused.status, "rejected");
    assert.equal(set.status, "fulfilled");
  }
  await assert.rejects(store.ping(), { code: "store_unavailable" });
  assert.equal((await store.suspensions()).length, 200);
  assert.equal((await store.verifyAudit()).broken, null);

  rmSync(disk.filler);
  await store.ping();
  await register(store, fitting);
  assert.equal(statSync(`${disk.path}-reserve`).size, RESERVE_BYTES);
  assert.equal(store.noRoomSince(), undefined);
  await store.close();
});

test("[Q04] leases that cannot be renewed on a full disk stand still, over a restart too", async (t) => {
  const disk = makeFullDisk(t);
  if (disk === undefined) return;
  let now = NOW;
  const options = { path: disk.path, clock: { now: () => now } };
  const store = await openStore(t, options);
  await register(store, 50_000, NOW - 10);
  await register(store, 50_001, NOW + 60);
  await fill(store);
  assert.equal(store.noRoomSince(), NOW);

  now = NOW + 120;
  assert.equal((await sweep(store, now)).expired, 1);
  await assert.rejects(
    store.renewLease(subject(50_001), now + FAR, makeAudit()),
    { code: "store_unavailable" },
  );
  assert.equal((await sweep(store, now)).expired, 0);
  assert.equal(store.noRoomSince(), NOW);
  await store.close();

  const again = await openStore(t, options);
  const stillSince = again.noRoomSince();
  assert.equal(
    stillSince,
    Math.floor(statSync(`${disk.path}-reserve`).mtimeMs / 1000),
  );
  await assert.rejects(again.ping(), { code: "store_unavailable" });
  rmSync(disk.filler);
  await again.ping();
  assert.equal(again.noRoomSince(), undefined);
  assert.equal((await sweep(again, now)).expired, 1);
  await again.close();
});

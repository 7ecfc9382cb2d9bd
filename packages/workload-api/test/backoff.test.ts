import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createBackoff } from "../src/backoff.ts";

test("[WAPI-11] failures are a second apart, then two, and so on to thirty", () => {
  const backoff = createBackoff();
  const waits = Array.from({ length: 32 }, () => backoff.failed(0));
  const expected = Array.from({ length: 30 }, (_, n) => (n + 1) * 1000);
  assert.deepEqual(waits, [...expected, 30_000, 30_000]);
  backoff.succeeded();
  assert.equal(backoff.failed(0), 1000);
});

test("[WAPI-11] chance shortens a wait by up to a fifth, and never lengthens it", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.nat(100),
      (random, before) => {
        const backoff = createBackoff();
        for (let n = 0; n < before; n += 1) backoff.failed(random);
        const full = Math.min(before + 1, 30) * 1000;
        const wait = backoff.failed(random);
        assert.ok(wait <= full && wait >= full * 0.8, `${wait} of ${full}`);
      },
    ),
  );
});

test("[WAPI-11] after a clean end it is at once, but not again within half a minute", () => {
  const backoff = createBackoff();
  assert.equal(backoff.ended(100, 0), 0);
  assert.equal(backoff.ended(100, 0), 1000);
  assert.equal(backoff.ended(129, 0), 2000);
  assert.equal(backoff.ended(130, 0), 0);
  backoff.succeeded();
  assert.equal(backoff.ended(131, 0), 1000);
});

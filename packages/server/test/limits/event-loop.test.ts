import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createLoopWatch,
  LOOP_INTERVAL_MS,
} from "../../src/limits/event-loop.ts";

function makeWatch() {
  const clock = { ms: 0 };
  const watch = createLoopWatch(500, () => clock.ms);
  const tickAfter = (ms: number): void => {
    clock.ms += ms;
    watch.tick();
  };
  return { clock, watch, tickAfter };
}

test("[Q16] a loop that ticks in time, or within what it may be late, is not late", () => {
  const { watch, tickAfter } = makeWatch();
  for (const ms of [LOOP_INTERVAL_MS, LOOP_INTERVAL_MS + 500, 1]) {
    tickAfter(ms);
    assert.equal(watch.isLate(), false);
  }
});

test("[Q16] a tick that came too late makes it late until one comes in time", () => {
  const { watch, tickAfter } = makeWatch();
  tickAfter(LOOP_INTERVAL_MS + 501);
  assert.equal(watch.isLate(), true);
  tickAfter(LOOP_INTERVAL_MS + 2000);
  assert.equal(watch.isLate(), true);
  tickAfter(LOOP_INTERVAL_MS);
  assert.equal(watch.isLate(), false);
});

test("[Q16] a tick that is overdue makes it late before it comes", () => {
  const { clock, watch } = makeWatch();
  clock.ms += LOOP_INTERVAL_MS + 501;
  assert.equal(watch.isLate(), true);
});

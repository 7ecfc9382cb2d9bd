import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createLoadGate,
  LEAST_IN_WORK,
  MOST_IN_WORK,
  PULSE_INTERVAL_MS,
  REVIEW_INTERVAL_MS,
} from "../../src/limits/load-gate.ts";

const MAX_DELAY_MS = 400;
/** What a request may wait at one place. */
const IN_TIME_MS = MAX_DELAY_MS / 4;

function makeGate() {
  const clock = { ms: 0 };
  const gate = createLoadGate(MAX_DELAY_MS, () => clock.ms);
  const leave: (() => void)[] = [];
  return {
    clock,
    gate,
    /** The pulse comes back so long after it was due. */
    pulse: (delayMs: number): void => {
      clock.ms += PULSE_INTERVAL_MS + delayMs;
      gate.pulse();
    },
    /** Pulses until the limit was set anew once. */
    review: (delayMs: number): void => {
      const end = clock.ms + REVIEW_INTERVAL_MS;
      while (clock.ms < end) {
        clock.ms += PULSE_INTERVAL_MS + delayMs;
        gate.pulse();
      }
    },
    /** Lets in what wants to come in, up to `count` more, and says how many are inside. */
    fill: (count = 10 * MOST_IN_WORK): number => {
      for (let n = 0; n < count && !gate.isFull(); n++)
        leave.push(gate.enter());
      return leave.length;
    },
    empty: (): void => {
      for (const end of leave.splice(0)) end();
    },
  };
}

test("[Q16] a pulse that is in time, or within what it may be late, keeps nobody out", () => {
  const { gate, pulse } = makeGate();
  for (const delay of [0, MAX_DELAY_MS, 1]) {
    pulse(delay);
    assert.equal(gate.isFull(), false);
  }
});

test("[Q16] a pulse that came back too late keeps everybody out until one is in time", () => {
  const { gate, pulse } = makeGate();
  pulse(MAX_DELAY_MS + 1);
  assert.equal(gate.isFull(), true);
  pulse(MAX_DELAY_MS + 1000);
  assert.equal(gate.isFull(), true);
  pulse(0);
  assert.equal(gate.isFull(), false);
});

test("[Q16] a pulse that is overdue keeps everybody out before it comes back", () => {
  const { clock, gate } = makeGate();
  clock.ms += PULSE_INTERVAL_MS + MAX_DELAY_MS + 1;
  assert.equal(gate.isFull(), true);
});

test("[Q16] however quick the server is, what is in work at once has a bound", () => {
  const { gate, fill, empty, review } = makeGate();
  assert.equal(fill(), MOST_IN_WORK);
  for (let n = 0; n < 100; n++) review(0);
  assert.equal(fill(), MOST_IN_WORK);
  empty();
  assert.equal(gate.isFull(), false);
});

test("[Q16] who left is not counted out twice", () => {
  const { gate, fill } = makeGate();
  const leave = gate.enter();
  leave();
  leave();
  assert.equal(fill(), MOST_IN_WORK);
});

test("[Q16] while the pulse is slow fewer may be in work, never fewer than keep the server busy; then more again", () => {
  const { fill, empty, review } = makeGate();
  let inWork = fill();
  for (let n = 0; n < 3; n++) {
    review(IN_TIME_MS + 1);
    empty();
    const fewer = fill();
    assert.ok(fewer < inWork, `${fewer} after ${inWork}`);
    inWork = fewer;
  }
  for (let n = 0; n < 30; n++) {
    review(IN_TIME_MS + 1);
    empty();
    inWork = fill();
  }
  assert.equal(inWork, LEAST_IN_WORK);
  for (let n = 0; n < 40; n++) {
    review(IN_TIME_MS);
    const more = fill();
    assert.ok(more > inWork || more === MOST_IN_WORK);
    inWork = more;
  }
  assert.equal(inWork, MOST_IN_WORK);
});

test("[Q16] a slow pulse with little in work is not the requests' doing, and limits none", () => {
  const { fill, empty, review } = makeGate();
  for (let n = 0; n < 10; n++) {
    fill(LEAST_IN_WORK);
    review(IN_TIME_MS + 1);
    empty();
  }
  assert.equal(fill(), MOST_IN_WORK);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  createAddressTurns,
  MOST_IN_TURN,
  MOST_WAITING,
} from "../../src/limits/address-turns.ts";

const NOISY = "192.0.2.1";
const QUIET = "192.0.2.2";

/** Turns where one address has had more refusals than are told. */
function setUp() {
  const state = { isNoisy: true, refused: 0 };
  const turns = createAddressTurns(
    { isEmpty: (key) => state.isNoisy && key === NOISY },
    () => state.refused++,
  );
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  /** Asks for a turn, and notes when it comes. */
  const take = async (name: number): Promise<void> => {
    const end = await turns.take(NOISY);
    begun.push(name);
    ends.push(end);
  };
  return { state, turns, begun, ends, take };
}

test("[D05] requests of an address that is refused too much take turns, in the order they came; nobody else does", async () => {
  const { turns, begun, ends, take } = setUp();
  assert.equal(turns.areTaken(QUIET), false);
  assert.equal(turns.areTaken(NOISY), true);
  for (let name = 0; name < MOST_IN_TURN + 2; name++) void take(name);
  await nextTurn();
  const first = Array.from({ length: MOST_IN_TURN }, (_, name) => name);
  assert.deepEqual(begun, first);
  ends[0]?.();
  ends[0]?.();
  await nextTurn();
  assert.deepEqual(begun, [...first, MOST_IN_TURN], "one end, one turn");
  ends[1]?.();
  await nextTurn();
  assert.equal(begun.at(-1), MOST_IN_TURN + 1);
});

test("[D11] a line goes on until it is empty, and then is forgotten", async () => {
  const { state, turns, begun, ends, take } = setUp();
  for (let name = 0; name <= MOST_IN_TURN; name++) void take(name);
  await nextTurn();
  state.isNoisy = false;
  assert.equal(turns.areTaken(NOISY), true, "nobody overtakes who waits");
  while (ends.length > 0) {
    ends.shift()?.();
    await nextTurn();
  }
  assert.equal(begun.length, MOST_IN_TURN + 1);
  assert.equal(turns.areTaken(NOISY), false);
});

test("[D05] so many may wait, and one more is told to come again", async () => {
  const { state, turns, begun, ends, take } = setUp();
  for (let name = 0; name < MOST_IN_TURN + MOST_WAITING; name++)
    void take(name);
  assert.equal(state.refused, 0);
  await assert.rejects(turns.take(NOISY), { code: "overloaded" });
  assert.equal(state.refused, 1);
  while (ends.length > 0) {
    ends.shift()?.();
    await nextTurn();
  }
  assert.equal(begun.length, MOST_IN_TURN + MOST_WAITING);
});

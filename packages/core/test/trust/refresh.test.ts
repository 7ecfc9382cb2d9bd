import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { parseSpiffeBundle } from "@accredit/core/spiffe";
import {
  compareBundles,
  DEFAULT_REFRESH_LIMITS,
  nextRefreshSeconds,
} from "@accredit/core/trust";

const key = (kid: string) => ({
  ...generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
    format: "jwk",
  }),
  kid,
  use: "jwt-svid",
});
const good = key("a");
const second = key("b");
const make = (spiffe_sequence: number | undefined, ...keys: object[]) =>
  parseSpiffeBundle(Buffer.from(JSON.stringify({ keys, spiffe_sequence })));

test("[BNDL-07] [F14] bundles are ordered by sequence; where there is none, the newest wins", async () => {
  const one = await make(1, good);
  const none = await make(undefined, good);
  assert.equal(compareBundles(undefined, one), "first");
  for (const [name, current, next, change] of [
    ["nothing changed", one, await make(1, good), "same"],
    ["a higher number", one, await make(2, good), "newer"],
    ["a lower number", one, await make(0, good), "rollback"],
    ["a lower number, other keys", one, await make(0, second), "rollback"],
    ["other keys, same number", one, await make(1, good, second), "conflict"],
    [
      "keys in another order",
      await make(1, good, second),
      await make(1, second, good),
      "same",
    ],
    ["every key withdrawn", one, await make(2), "newer"],
    ["every key withdrawn, same number", one, await make(1), "conflict"],
    ["the number gone", one, none, "newer"],
    ["the number new", none, one, "newer"],
    ["no number, same keys", none, await make(undefined, good), "same"],
    ["no number, other keys", none, await make(undefined, second), "newer"],
  ] as const) {
    assert.equal(compareBundles(current, next), change, name);
  }
});

test("[BNDL-07] sequences that are equal as doubles are not equal", async () => {
  const numbered = (digits: string) =>
    parseSpiffeBundle(Buffer.from(`{"keys":[],"spiffe_sequence":${digits}}`));
  const [lower, higher] = [
    await numbered("9007199254740992"),
    await numbered("9007199254740993"),
  ];
  assert.equal(compareBundles(lower, higher), "newer");
  assert.equal(compareBundles(higher, lower), "rollback");
});

test("[BNDL-08] polling follows the hint within its limits", () => {
  for (const [hint, seconds] of [
    [undefined, 75],
    [300, 75],
    [8, 60],
    [0, 60],
    [1200, 300],
    [1_000_000, 300],
  ] as const) {
    assert.equal(
      nextRefreshSeconds(hint, DEFAULT_REFRESH_LIMITS),
      seconds,
      String(hint),
    );
  }
});

test("[BNDL-08] a withdrawn key is noticed within the shorter of its hint and five minutes, and 30 s", () => {
  for (const hint of [undefined, 60, 120, 300, 3600, 604_800]) {
    const wait = nextRefreshSeconds(hint, DEFAULT_REFRESH_LIMITS);
    assert.ok(wait <= Math.min(hint ?? 300, 300) + 30, String(hint));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createTokenBuckets } from "../../src/limits/token-buckets.ts";

function makeBuckets(maxBuckets = 3) {
  const clock = { seconds: 100 };
  const buckets = createTokenBuckets({
    perSecond: 2,
    burst: 4,
    maxBuckets,
    now: () => clock.seconds,
  });
  return { clock, buckets };
}

test("[D07] a bucket gives its burst at once, then as fast as it fills", () => {
  const { clock, buckets } = makeBuckets();
  assert.equal(buckets.isEmpty("a"), false);
  assert.equal(buckets.size(), 0, "asking makes no bucket");
  for (let n = 0; n < 4; n++) assert.equal(buckets.take("a"), 0);
  assert.equal(buckets.isEmpty("a"), true);
  assert.equal(buckets.take("a"), 0.5, "half a second to the next token");
  clock.seconds += 0.25;
  assert.equal(buckets.take("a"), 0.25, "asking in vain costs nothing");
  clock.seconds += 0.25;
  assert.equal(buckets.take("a"), 0);
  assert.equal(buckets.take("a"), 0.5);
  clock.seconds += 3600;
  for (let n = 0; n < 4; n++) assert.equal(buckets.take("a"), 0);
  assert.ok(
    buckets.take("a") > 0,
    "an hour fills it no further than its burst",
  );
});

test("what is given back can be taken again, and no more than that", () => {
  const { buckets } = makeBuckets();
  buckets.giveBack("a");
  for (let n = 0; n < 4; n++) assert.equal(buckets.take("a"), 0);
  buckets.giveBack("a");
  assert.equal(buckets.take("a"), 0);
  assert.ok(buckets.take("a") > 0);
});

test("one key's use is nobody else's", () => {
  const { buckets } = makeBuckets();
  while (buckets.take("a") === 0);
  assert.equal(buckets.take("b"), 0);
});

test("[D07] [D08] however many keys there are, no more buckets than allowed; the one longest unused goes", () => {
  const { buckets } = makeBuckets(3);
  while (buckets.take("a") === 0);
  while (buckets.take("b") === 0);
  buckets.take("c");
  buckets.take("a");
  buckets.take("d");
  assert.equal(buckets.size(), 3);
  assert.ok(buckets.take("a") > 0, "asked for lately: remembered");
  assert.equal(buckets.take("b"), 0, "longest not asked for: forgotten");
  for (let n = 0; n < 100_000; n++) buckets.take(`key ${n}`);
  assert.equal(buckets.size(), 3);
});

test("[D07] over any run of requests a key gets at most its burst and what came back meanwhile", () => {
  const steps = fc.array(fc.double({ min: 0, max: 5, noNaN: true }));
  fc.assert(
    fc.property(steps, (waits) => {
      const { clock, buckets } = makeBuckets();
      let taken = 0;
      for (const wait of waits) {
        clock.seconds += wait;
        const seconds = buckets.take("a");
        assert.ok(seconds >= 0 && seconds <= 0.5);
        if (seconds === 0) taken++;
      }
      assert.ok(taken <= 4 + (clock.seconds - 100) * 2 + 1e-6);
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { countedWarning } from "@accredit/server";

test("a counted warning is written at once, and then every ten seconds with how often it came", () => {
  const written: unknown[] = [];
  let now = 0;
  const warn = countedWarning(
    {
      info: () => {},
      warn: (fields, message) => void written.push([message, fields["count"]]),
      error: () => {},
    },
    "too many",
    () => now,
  );
  warn();
  for (now = 1; now < 10_000; now += 1000) warn();
  now = 10_000;
  warn();
  assert.deepEqual(written, [
    ["too many", 1],
    ["too many", 11],
  ]);
});

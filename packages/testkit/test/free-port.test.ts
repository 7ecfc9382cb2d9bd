import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "@accredit/testkit";

test("no port is given twice, and none that the system hands out by itself", async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, freePort));
  assert.equal(new Set(ports).size, 200);
  assert.ok(ports.every((port) => port < 32_768));
});

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readWorkloadsFile } from "../../src/dev/workloads-file.ts";
import { createWorkloads } from "../../src/dev/workloads.ts";
import { AGENT, OTHER, temporaryDirectory } from "./harness.ts";

const GOOD = `
- spiffe_id: ${AGENT}
  claims: { scope: read write, agent: { level: 3 } }
  x509: false
  hint: first
  ttl: 120
- spiffe_id: ${OTHER}
`;

test("reads workloads with claims, hint, ttl and whether they get X.509-SVIDs", async (t) => {
  const file = join(await temporaryDirectory(t), "workloads.yaml");
  await writeFile(file, GOOD);
  assert.deepEqual(await readWorkloadsFile(file), [
    {
      spiffeId: AGENT,
      claims: { scope: "read write", agent: { level: 3 } },
      x509: false,
      hint: "first",
      ttlSeconds: 120,
    },
    { spiffeId: OTHER },
  ]);
});

for (const [name, from, to, message] of [
  ["a mistyped key", "claims:", "claim:", /"claim"[^]*\[0\]/],
  ["a missing SPIFFE ID", "spiffe_id:", "id:", /spiffe_id/],
  ["claims that are no mapping", "{ scope: read write", "[ {}, {", /claims/],
  ["x509 that is no boolean", "x509: false", 'x509: "no"', /x509/],
  ["a ttl in words", "ttl: 120", "ttl: 2m", /ttl/],
  ["no list", "- spiffe_id", "spiffe_id", /expected/i],
  ["no YAML", "claims: {", "claims: {{]", /expected YAML or JSON/],
] as const) {
  test(`refuses a workloads file with ${name}, naming file and place`, async (t) => {
    const file = join(await temporaryDirectory(t), "workloads.yaml");
    await writeFile(file, GOOD.replace(from, to));
    await assert.rejects(readWorkloadsFile(file), (error: Error) => {
      assert.match(error.message, message);
      return error.message.startsWith(`${file}: `);
    });
  });
}

for (const [name, change, message] of [
  ["a hint of 1025 bytes", { hint: "ü".repeat(512) + "x" }, /1024 bytes/],
  ["a ttl of a second", { ttlSeconds: 1 }, /ttl of 2 to/],
  ["a ttl with a fraction", { ttlSeconds: 2.5 }, /ttl of 2 to/],
  ["an endless ttl", { ttlSeconds: Infinity }, /ttl of 2 to/],
  [
    "the endpoint's own ID",
    { spiffeId: "spiffe://example.org/bundle-endpoint" },
    /bundle endpoint/,
  ],
  ["another one's hint", { hint: "taken" }, /another one has its hint/],
] as const) {
  test(`[WAPI-12] refuses a workload with ${name}`, () => {
    const workloads = [
      { spiffeId: OTHER, hint: "taken" },
      { spiffeId: AGENT, ...change },
    ];
    const settings = { trustDomain: "example.org", allowAny: false };
    assert.throws(() => createWorkloads({ ...settings, workloads }), message);
  });
}

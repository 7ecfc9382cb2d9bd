import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "@accredit/core/json";
import {
  explainRegistration,
  type RegistrationSettings,
} from "@accredit/core/registration";
import { parseSpiffeIdPattern } from "@accredit/core/spiffe";
import { staticTrust } from "@accredit/testkit";
import { claimSets, members } from "./arbitraries.ts";
import {
  authority,
  makePorts,
  NOW,
  registerWith,
  RULE,
  SETTINGS,
  statementWith,
  trust,
} from "./fixture.ts";

const explain = async (
  body: JsonObject,
  settings: Partial<RegistrationSettings> = {},
) =>
  explainRegistration(
    { software_statement: await statementWith(), ...body },
    { ...SETTINGS, ...settings },
    { now: NOW, trust },
  );

test("says what a registration would come to, check by check", async () => {
  const other = {
    ...RULE,
    name: "other",
    match: {
      trust: "example.org",
      subject: parseSpiffeIdPattern("spiffe://example.org/other"),
    },
  };
  const { allowed, checks, rules, reasons, metadata, provenance } =
    await explain({ scope: "read" }, { policy: [other, RULE, RULE] });
  assert.equal(allowed, true);
  assert.ok(checks.length > 5);
  assert.ok(checks.every(({ verdict }) => verdict === "pass"));
  assert.deepEqual(
    rules.map(({ rule, matched }) => [rule, matched]),
    [
      ["other", false],
      ["agents", true],
    ],
  );
  assert.deepEqual(reasons, []);
  assert.equal(metadata?.["scope"], "read");
  assert.equal(provenance?.["scope"], "requested");
});

test("says which check failed, and does not throw", async () => {
  const statement = await statementWith({ exp: NOW - 100, iat: NOW - 200 });
  const { allowed, checks, rules, reasons } = await explain({
    software_statement: statement,
  });
  assert.equal(allowed, false);
  assert.equal(checks.at(-1)?.verdict, "fail");
  assert.equal(checks.at(-1)?.check, "time");
  assert.deepEqual(rules, []);
  assert.deepEqual(
    reasons.map(({ code }) => code),
    ["credential_expired"],
  );
});

test("lists every rule where none matches, and what a refused client would have got", async () => {
  const none = await explain({
    software_statement: await statementWith({
      sub: "spiffe://example.org/none",
    }),
  });
  assert.equal(none.allowed, false);
  assert.deepEqual(
    none.rules.map(({ matched }) => matched),
    [false],
  );
  assert.deepEqual(
    none.reasons.map(({ code }) => code),
    ["policy_denied"],
  );
  const refused = await explain({ scope: "admin", client_name: "" });
  assert.equal(refused.allowed, false);
  assert.deepEqual(
    refused.reasons.map(({ field }) => field),
    ["client_name", "scope"],
  );
  assert.equal(refused.metadata?.["scope"], "admin");
});

test("an outage is explained, too", async () => {
  const { allowed, reasons } = await explainRegistration(
    { software_statement: await statementWith() },
    SETTINGS,
    {
      now: NOW,
      trust: await staticTrust([authority], { bundle: undefined }),
    },
  );
  assert.equal(allowed, false);
  assert.equal(reasons[0]?.code, "source_unavailable");
});

test("a fault of ours is not explained away", async () => {
  const broken = {
    spiffe: () => {
      throw new TypeError("a mistake");
    },
  };
  await assert.rejects(
    explainRegistration(
      { software_statement: await statementWith() },
      SETTINGS,
      { now: NOW, trust: broken },
    ),
    TypeError,
  );
});

/** Bodies, with a good statement, another kind of value for it, or none at all. */
const requests = fc.tuple(
  members,
  claimSets,
  fc.oneof(
    { weight: 6, arbitrary: fc.constant("good" as const) },
    { weight: 1, arbitrary: fc.constant("none" as const) },
    { weight: 1, arbitrary: fc.constant("as given" as const) },
  ),
);

test("explains what registration does: same verdict, same reasons, same metadata", async () => {
  const verdicts = new Set<boolean>();
  await fc.assert(
    fc.asyncProperty(requests, async ([given, claims, kind]) => {
      const { software_statement = "a.b.c", ...rest } = given;
      const statement =
        kind === "good" ? await statementWith(claims) : software_statement;
      const body =
        kind === "none" ? rest : { ...rest, software_statement: statement };
      const { store, ports } = makePorts();
      const [outcome] = await Promise.allSettled([
        registerWith(ports, { body, withoutStatement: true }),
      ]);
      const [row] = await store.readAudit({ limit: 1 });
      const explained = await explainRegistration(body, SETTINGS, {
        now: NOW,
        trust,
      });
      verdicts.add(explained.allowed);
      assert.equal(explained.allowed, outcome.status === "fulfilled");
      assert.deepEqual(
        explained.reasons.map(({ message }) => message),
        row?.reasons,
      );
      if (outcome.status !== "fulfilled") return;
      const { metadata, provenance } = outcome.value.client;
      assert.deepEqual(structuredClone(explained.metadata), metadata);
      assert.deepEqual(explained.provenance, provenance);
    }),
    {
      numRuns: 300,
      examples: [
        [[{}, {}, "good"]],
        [[{ scope: "admin", redirect_uris: ["javascript:x"] }, {}, "good"]],
        [[{ token_endpoint_auth_method: "none" }, {}, "good"]],
        [[{}, { scope: "admin" }, "good"]],
        [[{}, {}, "none"]],
        [[{ software_statement: 7 }, {}, "as given"]],
      ],
    },
  );
  assert.equal(verdicts.size, 2);
});

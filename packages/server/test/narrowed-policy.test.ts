import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { PolicyRule } from "@accredit/core/registration";
import {
  parseSpiffeIdPattern,
  parseSpiffeIdWildcard,
} from "@accredit/core/spiffe";
import { RULE, startServer, WORKLOAD } from "./running-server.ts";

const API = "https://api.example";
const OTHER = "https://other.example";
const WIDE: PolicyRule = {
  ...RULE,
  allow: { ...RULE.allow, scopes: ["read", "write"], resources: [API, OTHER] },
  template: { scope: "read write" },
};

/** A server whose operator changes the policy while its clients are there. */
async function startWithPolicy(t: TestContext, before: PolicyRule) {
  const policy = [before];
  const server = await startServer(t, { policy });
  const register = async () =>
    fetch(`${server.url}/register`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ software_statement: await server.statement() }),
    });
  assert.equal((await register()).status, 201);
  return {
    server,
    register,
    become: (...rules: readonly PolicyRule[]) =>
      void policy.splice(0, policy.length, ...rules),
    token: async (parameters: Readonly<Record<string, string>> = {}) => {
      const response = await fetch(`${server.url}/token`, {
        method: "POST",
        body: new URLSearchParams({
          grant_type: "client_credentials",
          client_assertion_type:
            "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
          client_assertion: await server.statement({ aud: server.url }),
          ...parameters,
        }),
      });
      const body = (await response.json()) as Record<string, unknown>;
      return { status: response.status, body };
    },
  };
}

test("[TOK-10] a scope or resource that the rule no longer allows is not granted at the next request", async (t) => {
  const { token, become } = await startWithPolicy(t, WIDE);
  const wide = await token({ resource: OTHER });
  assert.equal(wide.body["scope"], "read write");

  become({
    ...WIDE,
    allow: { ...WIDE.allow, scopes: ["read"], resources: [API] },
  });
  const narrow = await token({ resource: API });
  assert.equal(narrow.body["scope"], "read");
  const write = await token({ resource: API, scope: "write" });
  assert.deepEqual([write.status, write.body["error"]], [400, "invalid_scope"]);
  const other = await token({ resource: OTHER });
  assert.deepEqual(
    [other.status, other.body["error"]],
    [400, "invalid_target"],
  );

  become({ ...WIDE, allow: { ...WIDE.allow, scopes: [] } });
  assert.equal((await token({ resource: API })).body["scope"], undefined);
  become({ ...WIDE, allow: { ...WIDE.allow, grantTypes: [] } });
  assert.equal((await token()).body["error"], "unauthorized_client");

  become(WIDE);
  assert.equal((await token({ resource: OTHER })).body["scope"], "read write");
});

test("[TOK-10] what a rule allows beyond the registration takes a new registration", async (t) => {
  const { token, become, register } = await startWithPolicy(t, {
    ...WIDE,
    allow: { ...WIDE.allow, scopes: ["read"] },
    template: { scope: "read" },
  });
  become(WIDE);
  assert.equal((await token({ resource: API })).body["scope"], "read");
  assert.equal((await register()).status, 201);
  assert.equal((await token({ resource: API })).body["scope"], "read write");
});

for (const [name, rules] of [
  [
    "is for others now",
    [
      {
        ...RULE,
        match: {
          ...RULE.match,
          subject: parseSpiffeIdPattern("spiffe://example.org/ns/dev/agent/**"),
        },
      },
    ],
  ],
  [
    "is for another trust domain",
    [{ ...RULE, match: { ...RULE.match, trust: "other.example" } }],
  ],
  ["comes after another one", [{ ...RULE, name: "stricter" }, RULE]],
] as const) {
  test(`[TOK-10] a client whose rule ${name} gets nothing until it registers again`, async (t) => {
    const { token, become } = await startWithPolicy(t, RULE);
    assert.equal((await token()).status, 200);
    become(...rules);
    const refused = await token();
    assert.deepEqual(
      [refused.status, refused.body["error"]],
      [401, "invalid_client"],
    );
    assert.match(String(refused.body["error_description"]), /register again/);
    become(RULE);
    assert.equal((await token()).status, 200);
  });
}

test("[TOK-10] a client shared by a wildcard that its rule has no more is nobody's", async (t) => {
  const { token, become, server } = await startWithPolicy(t, {
    ...RULE,
    registerAs: parseSpiffeIdWildcard("spiffe://example.org/ns/prod/agent/*"),
  });
  assert.equal((await token()).status, 200);
  become(RULE);
  assert.equal((await token()).status, 401);
  assert.deepEqual(await server.store.findSpiffeClients(WORKLOAD), []);
});

test("a client from before its rule had a lease gets one when it next authenticates", async (t) => {
  const { token, become, server } = await startWithPolicy(t, RULE);
  const lease = async () =>
    (await server.store.findClient(WORKLOAD))?.leaseExpiresAt;
  assert.equal(await lease(), null);
  become({ ...RULE, leaseSeconds: 3600 });
  assert.equal((await token()).status, 200);
  while ((await lease()) === null) await new Promise(setImmediate);
  assert.ok(Number(await lease()) > Date.now() / 1000 + 3000);
});

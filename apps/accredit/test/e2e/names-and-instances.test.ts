import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJwt } from "jose";
import {
  clientCredentials,
  send,
  startAccredit,
  WORKLOAD,
} from "./running-accredit.ts";
import type { Answer, RunningAccredit } from "./running-accredit.ts";

const policy = (more: string): string => `
  - name: agents
    match: { trust: example.org, subject: "spiffe://example.org/ns/prod/agent/**" }
    ${more}
    allow:
      grant_types: [client_credentials]
      scopes: [read]
      token_endpoint_auth_methods: [spiffe_jwt]`;
const SHARED = policy('register_as: "spiffe://example.org/ns/prod/agent/*"');
const OPAQUE = "registration: { client_id: opaque }";

async function register(
  accredit: RunningAccredit,
  sub: string,
  body: Record<string, unknown> = {},
): Promise<Answer> {
  return accredit.register({
    software_statement: await accredit.statement({ sub, scope: "read" }),
    ...body,
  });
}

async function tokenOf(
  accredit: RunningAccredit,
  sub: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const assertion = await accredit.assertion({ sub });
  return accredit.token({ ...clientCredentials(assertion), ...more });
}

const instance = (name: string): string =>
  `spiffe://example.org/ns/prod/agent/${name}`;

for (const strategy of ["spiffe_id", "opaque"] as const) {
  test(`[CAUTH-19] many instances share one client, and the token names the one that acts (${strategy})`, async (t) => {
    const accredit = await startAccredit(t, {
      policy: SHARED,
      registration: `registration: { client_id: ${strategy} }`,
    });
    const ids = new Set<unknown>();
    for (const name of ["a", "b", "deep/er"]) {
      const { status, body } = await register(accredit, instance(name));
      assert.equal(status, 201);
      assert.equal(body["spiffe_id"], instance("*"));
      ids.add(body["client_id"]);
    }
    assert.equal(ids.size, 1, "one client for all of them");
    const [clientId] = ids;

    // One that never registered itself is an instance all the same.
    for (const name of ["a", "never-seen"]) {
      for (const more of [
        {},
        { client_id: String(clientId) },
        { client_id: instance(name) },
        { client_id: instance("*") },
      ]) {
        const { status, body } = await tokenOf(accredit, instance(name), more);
        assert.equal(status, 200, JSON.stringify({ name, more, body }));
        const claims = decodeJwt(String(body["access_token"]));
        assert.equal(claims.sub, clientId);
        assert.equal(claims["client_id"], clientId);
        assert.deepEqual(claims["act"], { sub: instance(name) });
      }
    }
  });
}

test("[CAUTH-19] [S58] what the wildcard does not cover is none of its instances", async (t) => {
  const accredit = await startAccredit(t, { policy: SHARED });
  await register(accredit, instance("a"));
  for (const sub of [
    "spiffe://example.org/ns/prod/agent",
    "spiffe://example.org/ns/prod/agents/a",
    "spiffe://example.org/ns/prod",
    "spiffe://example.org/ns/prod/agent-evil/a",
  ]) {
    const { status, body } = await tokenOf(accredit, sub);
    assert.equal(status, 401, sub);
    assert.equal(body["error"], "invalid_client");
    const named = await tokenOf(accredit, sub, { client_id: instance("*") });
    assert.equal(named.status, 401, sub);
  }
});

const STRICT = `
  - name: special
    match: { trust: example.org, subject: "spiffe://example.org/ns/prod/agent/special" }
    allow: { grant_types: [client_credentials], scopes: [read], token_endpoint_auth_methods: [spiffe_jwt] }
  - name: shallow
    match: { trust: example.org, subject: "spiffe://example.org/ns/prod/*/*" }
    register_as: "spiffe://example.org/ns/*"
    template: { scope: read }
    attested_only: [scope]
    allow: { grant_types: [client_credentials], scopes: [read, write], token_endpoint_auth_methods: [spiffe_jwt] }`;

for (const strategy of ["spiffe_id", "opaque"] as const) {
  test(`[CAUTH-19] [MGMT-08] only those that its rule decides on share a client (${strategy})`, async (t) => {
    const accredit = await startAccredit(t, {
      policy: STRICT,
      registration: `registration: { client_id: ${strategy} }`,
    });
    const shared = await register(accredit, instance("a"));
    assert.equal(shared.status, 201);
    assert.equal(shared.body["spiffe_id"], "spiffe://example.org/ns/*");
    const names = [
      "spiffe://example.org/ns/*",
      String(shared.body["client_id"]),
    ];
    for (const sub of [
      instance("special"),
      instance("deep/er"),
      "spiffe://example.org/ns/dev",
    ]) {
      const { status, body } = await tokenOf(accredit, sub);
      assert.equal(status, 401, JSON.stringify({ sub, body }));
      for (const client_id of names)
        assert.equal((await tokenOf(accredit, sub, { client_id })).status, 401);
      const uri = String(shared.body["registration_client_uri"]);
      const read = await fetch(uri, {
        headers: {
          authorization: `Bearer ${await accredit.assertion({ sub, aud: uri })}`,
        },
      });
      assert.equal(read.status, 401, sub);
    }
    // One that has a client of its own is no closer to the shared one.
    assert.equal((await register(accredit, instance("special"))).status, 201);
    assert.equal((await tokenOf(accredit, instance("special"))).status, 200);
    for (const client_id of names) {
      const more = { client_id, scope: "write" };
      const { status } = await tokenOf(accredit, instance("special"), more);
      assert.equal(status, 401);
    }
  });
}

test("[DCR-04] what is attested of one instance gives the others nothing that has to be attested", async (t) => {
  const accredit = await startAccredit(t, { policy: STRICT });
  const { status, body } = await accredit.register({
    software_statement: await accredit.statement({
      sub: instance("a"),
      scope: "read write",
      client_name: "A",
    }),
  });
  assert.equal(status, 201);
  assert.equal(body["scope"], "read");
  assert.equal(body["client_name"], "A");
  const other = await tokenOf(accredit, instance("b"), { scope: "write" });
  assert.equal(other.body["error"], "invalid_scope");
});

test("[META-11] a body can neither set nor widen spiffe_id", async (t) => {
  const accredit = await startAccredit(t);
  for (const spiffe_id of [
    "spiffe://example.org/ns/prod/agent/*",
    "spiffe://example.org/*",
    "spiffe://example.org/ns/prod/agent/bob",
    `${WORKLOAD}/`,
  ]) {
    const { status, body } = await register(accredit, WORKLOAD, { spiffe_id });
    assert.equal(status, 400, spiffe_id);
    assert.equal(body["error"], "invalid_client_metadata");
  }
  const same = await register(accredit, WORKLOAD, { spiffe_id: WORKLOAD });
  assert.equal(same.status, 201);
});

test("[CAUTH-06] [A05] with opaque ids one SPIFFE ID holds several clients, and a token request says which", async (t) => {
  const accredit = await startAccredit(t, { registration: OPAQUE });
  const idOf = async (software_id: string): Promise<string> => {
    const { status, body } = await register(accredit, WORKLOAD, {
      software_id,
    });
    assert.equal(status, 201);
    return String(body["client_id"]);
  };
  const first = await idOf("billing");
  assert.equal((await tokenOf(accredit, WORKLOAD)).status, 200, "the only one");
  const second = await idOf("reports");
  assert.notEqual(first, second);
  assert.equal(await idOf("billing"), first, "the same one again");

  const unsaid = await tokenOf(accredit, WORKLOAD);
  assert.equal(unsaid.status, 401);
  assert.equal(unsaid.body["error"], "invalid_client");
  const alias = await tokenOf(accredit, WORKLOAD, { client_id: WORKLOAD });
  assert.equal(alias.status, 401, "the SPIFFE ID does not say which");
  for (const client_id of [first, second]) {
    const { status, body } = await tokenOf(accredit, WORKLOAD, { client_id });
    assert.equal(status, 200);
    assert.equal(decodeJwt(String(body["access_token"])).sub, client_id);
  }
  const stolen = await tokenOf(accredit, instance("mallory"), {
    client_id: first,
  });
  assert.equal(stolen.status, 401, "another SPIFFE ID's client");
});

test("[SEC-11] a suspended client is not gone round by another beside it or after it, and those that were there go on", async (t) => {
  const adminToken = "the-admin-token-of-this-test";
  const accredit = await startAccredit(t, { registration: OPAQUE, adminToken });
  const admin = (method: string, path: string): Promise<Answer> =>
    send(`${accredit.adminUrl}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${adminToken}` },
    });
  const registerAs = (software_id: string): Promise<Answer> =>
    register(accredit, WORKLOAD, { software_id });
  const { body } = await registerAs("a");
  assert.equal((await registerAs("b")).status, 201);
  const id = encodeURIComponent(String(body["client_id"]));
  assert.equal((await admin("PUT", `/suspensions/client/${id}`)).status, 200);
  const refusedAlways = async () => {
    for (const software_id of ["a", "c"]) {
      const refused = await registerAs(software_id);
      assert.equal(refused.status, 400, software_id);
      assert.match(String(refused.body["error_description"]), /suspended/);
    }
    assert.equal((await registerAs("b")).status, 201);
  };
  await refusedAlways();
  assert.equal((await admin("DELETE", `/clients/${id}`)).status, 204);
  await refusedAlways();
  assert.equal(
    (await admin("DELETE", `/suspensions/client/${id}`)).status,
    204,
  );
  assert.equal((await registerAs("c")).status, 201);
});

test("[D07] software_id does not let one identity fill the store", async (t) => {
  const accredit = await startAccredit(t, { registration: OPAQUE });
  const statuses: number[] = [];
  for (let i = 0; i < 17; i++) {
    const { status } = await register(accredit, WORKLOAD, {
      software_id: `s-${i}`,
    });
    statuses.push(status);
  }
  assert.deepEqual(statuses, [...Array<number>(16).fill(201), 400]);
});

test("[I08] a rule with room for two refuses the third and goes on renewing the two", async (t) => {
  const accredit = await startAccredit(t, { policy: policy("max_clients: 2") });
  for (const name of ["a", "b"])
    assert.equal((await register(accredit, instance(name))).status, 201);
  const third = await register(accredit, instance("c"));
  assert.equal(third.status, 400);
  assert.equal(third.body["error"], "unapproved_software_statement");
  assert.equal((await register(accredit, instance("a"))).status, 201);
  assert.equal((await tokenOf(accredit, instance("b"))).status, 200);
});

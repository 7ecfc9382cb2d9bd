import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import {
  clientCredentials,
  startAccredit,
  WORKLOAD,
} from "./running-accredit.ts";
import type { Answer, RunningAccredit } from "./running-accredit.ts";

const POLICY = `
  - name: agents
    match: { trust: example.org, subject: "spiffe://example.org/ns/prod/agent/**" }
    lease: 1h
    max_clients: 1
    allow:
      grant_types: [client_credentials]
      scopes: [read]
      token_endpoint_auth_methods: [spiffe_jwt]`;

const register = async (accredit: RunningAccredit, sub = WORKLOAD) =>
  accredit.register({
    software_statement: await accredit.statement({ sub, scope: "read" }),
  });
const token = async (accredit: RunningAccredit, sub = WORKLOAD) =>
  accredit.token(clientCredentials(await accredit.assertion({ sub })));

/** Moves the end of every lease, as time would. */
function age(accredit: RunningAccredit, seconds: number): void {
  const db = new DatabaseSync(accredit.databaseFile);
  db.exec(
    `UPDATE clients SET lease_expires_at = lease_expires_at - ${seconds}`,
  );
  db.close();
}

function leaseEnd(accredit: RunningAccredit): number {
  const db = new DatabaseSync(accredit.databaseFile);
  const row = db.prepare("SELECT lease_expires_at AS t FROM clients").get();
  db.close();
  return Number(row?.["t"]);
}

const idOf = ({ body }: Answer): string => String(body["client_id"]);

test("an ended registration gets no token, is told to register again, and comes back under its id", async (t) => {
  const accredit = await startAccredit(t, {
    policy: POLICY,
    registration: "registration: { client_id: opaque }",
  });
  const clientId = idOf(await register(accredit));
  assert.equal((await token(accredit)).status, 200);
  age(accredit, 7200);
  const refused = await token(accredit);
  assert.equal(refused.status, 401);
  assert.equal(refused.body["error"], "invalid_client");
  assert.match(String(refused.body["error_description"]), /register again/);
  const back = await register(accredit);
  assert.equal(back.status, 201);
  assert.equal(idOf(back), clientId);
  assert.equal((await token(accredit)).status, 200);
});

test("authenticating renews a lease once a part of it is used, registering again always", async (t) => {
  const accredit = await startAccredit(t, { policy: POLICY });
  await register(accredit);
  const first = leaseEnd(accredit);
  await token(accredit);
  assert.equal(leaseEnd(accredit), first, "nearly new");
  age(accredit, 2400);
  await token(accredit);
  // The token does not wait for the renewal; the next write to the store comes after it.
  await accredit.register({ software_statement: "no statement" });
  assert.ok(leaseEnd(accredit) >= first);
  age(accredit, 60);
  await register(accredit);
  assert.ok(leaseEnd(accredit) >= first);
});

test("[I08] a full rule refuses newcomers and goes on renewing", async (t) => {
  const accredit = await startAccredit(t, { policy: POLICY });
  await register(accredit);
  const newcomer = await register(accredit, `${WORKLOAD}/two`);
  assert.equal(newcomer.status, 400);
  assert.equal(newcomer.body["error"], "unapproved_software_statement");
  assert.match(String(newcomer.body["error_description"]), /as many clients/);
  assert.equal((await register(accredit)).status, 201);
});

test("[TOK-10] [SEC-11] what is suspended gets no token from the next request on, and introspection says inactive", async (t) => {
  const accredit = await startAccredit(t);
  await register(accredit);
  const { body } = await token(accredit);
  const introspect = async () => {
    const assertion = await accredit.assertion();
    const response = await fetch(`${accredit.issuer}/introspect`, {
      method: "POST",
      body: new URLSearchParams({
        ...clientCredentials(assertion),
        token: String(body["access_token"]),
      }),
    });
    return {
      status: response.status,
      body: (await response.json()) as Record<string, unknown>,
    };
  };
  assert.equal((await introspect()).body["active"], true);
  for (const [scope, value] of [
    ["trust", "example.org"],
    ["rule", "agents"],
    ["subject", "spiffe://example.org/ns/*/agent/*"],
    ["subject", WORKLOAD],
    ["client", WORKLOAD],
  ] as const) {
    const db = new DatabaseSync(accredit.databaseFile);
    db.prepare(
      "INSERT INTO suspensions (scope, value, reason, since) VALUES (?, ?, 'test', 1)",
    ).run(scope, value);
    const refused = await token(accredit);
    assert.equal(refused.status, 401, scope);
    assert.match(String(refused.body["error_description"]), /suspended/);
    const again = await register(accredit);
    assert.equal(again.status, 400, scope);
    assert.equal(again.body["error"], "unapproved_software_statement");
    assert.equal((await introspect()).status, 401);
    db.exec("DELETE FROM suspensions");
    db.close();
    assert.equal((await token(accredit)).status, 200, scope);
    assert.equal((await introspect()).body["active"], true);
  }
});

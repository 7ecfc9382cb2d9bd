import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DcrError, type DcrErrorCode } from "@accredit/core/errors";
import type { JsonObject, JsonValue } from "@accredit/core/json";
import type { Registration } from "@accredit/core/registration";
import { staticTrust } from "@accredit/testkit";
import {
  authority,
  makePorts,
  NOW,
  registerWith,
  RULE,
  statementWith,
  stranger,
  SUBJECT,
  type Situation,
} from "./fixture.ts";

test("[DCR-10] [DCR-11] [AMB-03] registers what is attested, requested and allowed", async () => {
  const { store, ports } = makePorts();
  const statement = await statementWith({ scope: "read" });
  const { client, created, softwareStatement } = await registerWith(ports, {
    body: { software_statement: statement, client_name: "Alice", scope: "x" },
  });
  assert.equal(created, true);
  assert.equal(softwareStatement, statement);
  assert.deepEqual(client, {
    kind: "spiffe",
    clientId: SUBJECT,
    trust: "example.org",
    subject: SUBJECT,
    softwareId: "",
    issuedAt: NOW,
    registrationId: "request-1",
    updatedAt: NOW,
    leaseExpiresAt: null,
    metadata: {
      scope: "read",
      client_name: "Alice",
      token_endpoint_auth_method: "spiffe_jwt",
      grant_types: ["client_credentials"],
      response_types: [],
      spiffe_id: SUBJECT,
    },
    provenance: {
      scope: "attested",
      client_name: "requested",
      token_endpoint_auth_method: "default",
      grant_types: "default",
      response_types: "default",
      spiffe_id: "attested",
    },
    resources: ["https://api.example"],
    rule: "agents",
  });
  assert.deepEqual(JSON.parse(JSON.stringify(client)), client);
  assert.deepEqual(store.clients, [client]);
  const [row, ...others] = await store.readAudit({ limit: 10 });
  assert.deepEqual(others, []);
  assert.equal(row?.action, "client.registered");
  assert.equal(row.clientId, SUBJECT);
  assert.equal(row.rule, "agents");
  assert.equal(row.code, null);
  assert.equal(row.credential?.subject, SUBJECT);
  assert.equal(row.credential.trust, "example.org");
  assert.ok(!JSON.stringify(row).includes(statement));
});

test("[MGMT-09] the same subject again keeps its client_id and takes the new metadata", async () => {
  const { store, ports } = makePorts();
  const opaque = { settings: { clientId: "opaque" } } as const;
  const first = await registerWith(ports, {
    ...opaque,
    body: { scope: "read" },
  });
  const later = { ...ports, clock: { now: () => NOW + 60 } };
  const second = await registerWith(later, {
    ...opaque,
    body: { client_name: "Alice" },
  });
  assert.equal(first.client.clientId, "opaque-1");
  assert.equal(second.client.clientId, "opaque-1");
  assert.equal(second.created, false);
  assert.equal(second.client.issuedAt, NOW);
  assert.equal(second.client.updatedAt, NOW + 60);
  assert.equal(second.client.metadata.scope, undefined);
  assert.equal(second.client.metadata.client_name, "Alice");
  assert.equal(store.clients.length, 1);
});

test("[R11] [DCR-13] a client cannot choose its identifier", async () => {
  const { ports } = makePorts();
  const body = { client_id: "spiffe://example.org/ns/prod/agent/other" };
  const claims = { client_id: "spiffe://example.org/ns/prod/agent/other" };
  const { client } = await registerWith(ports, { body, claims });
  assert.equal(client.clientId, SUBJECT);
});

interface Refusal extends Situation {
  readonly name: string;
  readonly code: DcrErrorCode;
  /** Whether the audit row names the credential and the rule. */
  readonly knows?: { readonly credential?: true; readonly rule?: string };
}

const VERIFIED = { credential: true } as const;
const RULED = { credential: true, rule: "agents" } as const;
const REFUSALS: readonly Refusal[] = [
  { name: "no statement", withoutStatement: true, code: "statement_missing" },
  {
    name: "empty statement",
    body: { software_statement: "" },
    code: "statement_missing",
  },
  ...[null, 7, true, {}, [], ["a.b.c"], { 0: "a" }].map(
    (software_statement) => ({
      name: `statement ${JSON.stringify(software_statement)}`,
      body: { software_statement },
      code: "statement_malformed" as const,
    }),
  ),
  {
    name: "no JWS",
    body: { software_statement: "x" },
    code: "statement_malformed",
  },
  {
    name: "SD-JWT",
    body: { software_statement: "a.b.c~d" },
    code: "statement_malformed",
  },
  {
    name: "untrusted domain",
    body: {
      software_statement: await statementWith(
        { sub: "spiffe://stranger.example/ns/a/agent/b" },
        stranger,
      ),
    },
    code: "issuer_untrusted",
  },
  {
    name: "another domain's key",
    body: {
      software_statement: await stranger.jwtSvid(
        { sub: SUBJECT },
        { kid: authority.keys[0]?.kid },
      ),
    },
    code: "signature_invalid",
  },
  {
    name: "expired",
    claims: { exp: NOW - 100, iat: NOW - 200 },
    code: "credential_expired",
  },
  {
    name: "another audience",
    claims: { aud: "https://as.example" },
    code: "audience_mismatch",
  },
  {
    name: "no rule",
    claims: { sub: "spiffe://example.org/other" },
    code: "policy_denied",
    knows: VERIFIED,
  },
  {
    name: "no policy",
    settings: { policy: [] },
    code: "policy_denied",
    knows: VERIFIED,
  },
  {
    name: "metadata",
    body: { scope: "admin" },
    code: "metadata_invalid",
    knows: RULED,
  },
  {
    name: "attested metadata",
    claims: { scope: "admin" },
    code: "metadata_invalid",
    knows: RULED,
  },
  {
    name: "redirect URI",
    body: { redirect_uris: ["javascript:alert(1)"] },
    code: "redirect_uri_invalid",
    knows: RULED,
  },
  {
    name: "metadata and redirect URI",
    body: { scope: "admin", redirect_uris: ["https://other.example/"] },
    code: "metadata_invalid",
    knows: RULED,
  },
];

test("[DCR-05] [DCR-TI-15] [DCR-TI-16] [P08] a refusal leaves exactly one audit row and nothing else", async () => {
  for (const { name, code, knows = {}, ...situation } of REFUSALS) {
    const { store, ports } = makePorts();
    await registerWith(ports, { claims: { sub: `${SUBJECT}/before` } });
    const [clients, rows] = [
      store.clients,
      await store.readAudit({ limit: 10 }),
    ];

    const error = await refusalOf(registerWith(ports, situation), name);
    assert.equal(error.code, code, name);
    assert.match(error.message, /^[\x20-\x7e]{1,1000}$/, name);
    assert.deepEqual(store.clients, clients, name);
    const [row, ...older] = await store.readAudit({ limit: 10 });
    assert.deepEqual(older, rows, name);
    assert.equal(row?.action, "registration.refused", name);
    assert.equal(row.code, code, name);
    assert.ok(row.reasons.length > 0, name);
    assert.equal(row.clientId, null);
    assert.equal(row.rule, knows.rule ?? null, name);
    assert.equal(row.credential !== null, knows.credential === true, name);
    assert.equal(row.remote, "192.0.2.7");

    // The door is not stuck.
    assert.equal((await registerWith(ports)).created, true, name);
  }
});

test("[DCR-TI-17] [X16] an outage is no refusal: its own code, no row, no client", async () => {
  const { store, ports } = makePorts({
    trust: await staticTrust([authority], { bundle: undefined }),
  });
  const unloaded = await refusalOf(registerWith(ports), "not loaded");
  assert.equal(unloaded.code, "source_unavailable");
  assert.deepEqual(await store.readAudit({ limit: 10 }), []);

  for (const code of ["store_unavailable", "overloaded"] as const) {
    const full = makePorts();
    full.store.faults.set("register", new DcrError(code, "not now"));
    const error = await refusalOf(registerWith(full.ports), code);
    assert.equal(error.code, code);
    assert.deepEqual(await full.store.readAudit({ limit: 10 }), []);
    assert.deepEqual(full.store.clients, []);
  }
});

test("a fault of ours is no refusal either", async () => {
  const { store, ports } = makePorts();
  const fault = new TypeError("a mistake");
  store.faults.set("register", fault);
  await assert.rejects(registerWith(ports), fault);
  assert.deepEqual(await store.readAudit({ limit: 10 }), []);
});

test("a refusal stands though its audit row cannot be written", async () => {
  const heard: unknown[] = [];
  const { store, ports } = makePorts({
    auditFailed: (requestId, cause) => heard.push([requestId, cause]),
  });
  const full = new DcrError("store_unavailable", "disk full");
  store.faults.set("appendAudit", full);
  const body = { scope: "admin" };
  const error = await refusalOf(registerWith(ports, { body }), "disk full");
  assert.equal(error.code, "metadata_invalid");
  assert.equal(heard.length, 1);
  assert.match(String(heard[0]), /^request-\d+,DcrError: disk full$/);

  const { auditFailed: _, ...silent } = ports;
  const again = await refusalOf(registerWith(silent, { body }), "unheard");
  assert.equal(again.code, "metadata_invalid");
});

test("every reason is in the audit row, and the message stays short", async () => {
  const { store, ports } = makePorts();
  const body = {
    scope: Array.from({ length: 200 }, (_, i) => `scope-${i}`).join(" "),
    client_name: "x".repeat(5000),
    contacts: 7,
    redirect_uris: Array.from(
      { length: 60 },
      (_, i) => `https://other.example/${"a".repeat(900)}/${i}`,
    ),
    jwks: "x",
    logo_uri: "x",
    ...Object.fromEntries(
      Array.from({ length: 2000 }, (_, i) => [`client_uri#de-${i}`, "x"]),
    ),
  };
  const error = await refusalOf(registerWith(ports, { body }), "many");
  assert.ok(error.message.length <= 1000);
  const [row] = await store.readAudit({ limit: 1 });
  const reasons = row?.reasons ?? [];
  for (const field of ["scope", "client_name", "contacts", "redirect_uris"])
    assert.ok(
      reasons.some((text) => text.startsWith(`${field}: `)),
      field,
    );
  assert.ok(reasons.every((text) => text.length <= 400));
  assert.ok(JSON.stringify(row).length < 20_000);
  assert.deepEqual(
    (error.data["reasons"] as readonly { message: string }[]).map(
      ({ message }) => message,
    ),
    reasons,
  );
  assert.equal(error.data["rule"], RULE.name);
});

const CANARY = "canary-b7f1";

test("[SEC-05] [L01] a refusal quotes neither the statement nor what a client should not have sent", async () => {
  for (const body of [
    { client_secret: CANARY, scope: "admin" },
    { jwks: { keys: [{ kty: "oct", k: CANARY }] } },
    { jwks: { keys: [{ kty: "EC", d: CANARY }] } },
    { redirect_uris: [`https://user:${CANARY}@app.example/cb`] },
    { client_uri: `https://user:${CANARY}@app.example/` },
    { software_statement: `${CANARY}.${CANARY}.${CANARY}` },
    { software_statement: { token: CANARY } },
    { client_name: `\n${CANARY}` },
  ] as const) {
    const { store, ports } = makePorts();
    const error = await refusalOf(
      registerWith(ports, { body }),
      Object.keys(body).join(),
    );
    const written = JSON.stringify([
      error.message,
      error.data,
      await store.readAudit({ limit: 10 }),
    ]);
    assert.ok(!written.includes(CANARY), written);
  }
});

const bodies = fc
  .dictionary(
    fc.oneof(
      fc.constantFrom(
        "software_statement",
        "scope",
        "redirect_uris",
        "client_name",
        "client_name#de",
        "jwks",
        "grant_types",
        "token_endpoint_auth_method",
        "spiffe_id",
        "__proto__",
      ),
      fc.string(),
    ),
    fc.jsonValue(),
    { maxKeys: 6 },
  )
  .map((body) => body as JsonObject);

test("whatever the body, the answer is a client or one DcrError and its audit row", async () => {
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const { store, ports } = makePorts();
      const [outcome] = await Promise.allSettled([
        registerWith(ports, { body }),
      ]);
      const rows = await store.readAudit({ limit: 10 });
      assert.equal(rows.length, 1);
      if (outcome.status === "fulfilled") {
        const { client } = outcome.value;
        assert.deepEqual(store.clients, [client]);
        assert.deepEqual(secretsIn(client as object as JsonValue), []);
        return;
      }
      assert.ok(outcome.reason instanceof DcrError, String(outcome.reason));
      assert.equal(rows[0]?.code, outcome.reason.code);
      assert.deepEqual(store.clients, []);
    }),
    { numRuns: 300 },
  );
});

test("a store that fails leaves no acknowledgement", async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.boolean(), async (broken, again) => {
      const { store, ports } = makePorts();
      if (again) await registerWith(ports);
      const before = store.clients;
      if (broken)
        store.faults.set("register", new DcrError("store_unavailable", "no"));
      const body = { client_name: "New" };
      const [outcome] = await Promise.allSettled([
        registerWith(ports, { body }),
      ]);
      assert.equal(outcome.status === "rejected", broken);
      if (broken) assert.deepEqual(store.clients, before);
      else assert.equal(store.clients[0]?.metadata.client_name, "New");
    }),
    { numRuns: 8 },
  );
});

function secretsIn(value: JsonValue): readonly string[] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([name, member]) => [
    ...(/secret|registration_access_token/.test(name) ? [name] : []),
    ...secretsIn(member),
  ]);
}

async function refusalOf(
  registration: Promise<Registration>,
  name: string,
): Promise<DcrError> {
  const [outcome] = await Promise.allSettled([registration]);
  assert.equal(outcome.status, "rejected", name);
  assert.ok(
    outcome.status === "rejected" && outcome.reason instanceof DcrError,
    name,
  );
  return outcome.reason;
}

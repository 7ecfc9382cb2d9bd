import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { AccreditClientError, discover, register } from "@accredit/client";
import { WorkloadApiError } from "@accredit/workload-api";
import {
  answering,
  FakeAuthorizationServer,
} from "./fake-authorization-server.ts";
import {
  claimsOf,
  FakeSvids,
  OTHER,
  unsignedJwt,
  WORKLOAD,
} from "./fake-svids.ts";
import { HOSTILE_ANSWERS } from "./hostile-answers.ts";

test("registers with an SVID for the registration endpoint", async (t) => {
  const server = await FakeAuthorizationServer.start(t);
  const svids = new FakeSvids();
  const client = await register({
    server: server.issuer,
    svidSource: svids,
    metadata: { grant_types: ["client_credentials"] },
  });
  assert.deepEqual(client, {
    clientId: WORKLOAD,
    issuedAt: 1_750_000_000,
    metadata: { grant_types: ["client_credentials"] },
    provenance: { grant_types: "body" },
    resources: ["https://api.example"],
  });
  assert.equal(
    claimsOf(svids.issued[0] ?? "")["aud"],
    server.registrationEndpoint,
  );
});

test("registers the identity asked for, for the audience asked for, with metadata at hand", async (t) => {
  const server = await FakeAuthorizationServer.start(t);
  const svids = new FakeSvids();
  const metadata = await discover(server.issuer);
  const own = { spiffeId: OTHER, audience: "https://own.example" };
  await assert.rejects(
    register({ server: metadata, svidSource: svids, ...own }),
    { code: "registration_refused", oauthError: "invalid_software_statement" },
  );
  const { sub, aud } = claimsOf(svids.issued[0] ?? "");
  assert.deepEqual({ sub, aud }, { sub: OTHER, aud: own.audience });
  assert.equal(server.count("/metadata"), 1);
});

test("registers with a statement that the caller has", async (t) => {
  const server = await FakeAuthorizationServer.start(t);
  const statement = unsignedJwt({
    sub: WORKLOAD,
    aud: server.registrationEndpoint,
  });
  const { clientId } = await register({ server: server.issuer, statement });
  assert.equal(clientId, WORKLOAD);
  for (const both of [{}, { statement, svidSource: new FakeSvids() }])
    await assert.rejects(
      register({ server: server.issuer, ...both }),
      TypeError,
    );
});

test("leaves out every credential of the response", async (t) => {
  const server = await FakeAuthorizationServer.start(t);
  server.always["/register"] = answering(201, {
    client_id: "c",
    client_secret: "s3cret",
    client_secret_expires_at: 0,
    registration_access_token: "s3cret",
    software_statement: "s3cret",
    scope: "read",
  });
  const client = await register({
    server: server.issuer,
    svidSource: new FakeSvids(),
  });
  assert.doesNotMatch(inspect(client), /s3cret/);
  assert.deepEqual(client.metadata, { scope: "read" });
});

for (const { name, status = 201, body } of [
  { name: "200 instead of 201", status: 200, body: { client_id: "c" } },
  { name: "202 instead of 201", status: 202, body: { client_id: "c" } },
  { name: "no client_id", body: {} },
  { name: "an empty client_id", body: { client_id: "" } },
  { name: "a client_id with a line break", body: { client_id: "a\nb" } },
  { name: "a huge client_id", body: { client_id: "a".repeat(5000) } },
  {
    name: "a client_id that is no text",
    body: { client_id: { toString: "x" } },
  },
  {
    name: "an issue time that is no number",
    body: { client_id: "c", client_id_issued_at: "now" },
  },
]) {
  test(`takes ${name} for no registration`, async (t) => {
    const server = await FakeAuthorizationServer.start(t);
    server.always["/register"] = answering(status, body);
    await assert.rejects(
      register({ server: server.issuer, svidSource: new FakeSvids() }),
      { code: "response_invalid", status },
    );
  });
}

for (const { name, misbehave, code, message, settings } of HOSTILE_ANSWERS) {
  test(`registration meets ${name}`, async (t) => {
    const server = await FakeAuthorizationServer.start(t);
    const metadata = await discover(server.issuer);
    server.always["/register"] = misbehave;
    await assert.rejects(
      register({ server: metadata, svidSource: new FakeSvids(), ...settings }),
      { code, message },
    );
  });
}

for (const [name, headers, expected] of [
  ["in seconds", { "Retry-After": "7" }, 7],
  [
    "as a date",
    {
      Date: "Wed, 21 Oct 2026 07:28:00 GMT",
      "Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT",
    },
    30,
  ],
  [
    "in the past",
    {
      Date: "Wed, 21 Oct 2026 07:28:00 GMT",
      "Retry-After": "Wed, 21 Oct 2026 07:00:00 GMT",
    },
    0,
  ],
  ["for ever", { "Retry-After": "999999999999" }, 86_400],
  ["as nonsense", { "Retry-After": "-5; drop" }, undefined],
  ["not at all", {}, undefined],
] as const) {
  test(`reads Retry-After ${name}`, async (t) => {
    const server = await FakeAuthorizationServer.start(t);
    for (const status of [429, 503]) {
      server.always["/register"] = answering(
        status,
        { error: "temporarily_unavailable" },
        headers,
      );
      await assert.rejects(
        register({ server: server.issuer, svidSource: new FakeSvids() }),
        {
          code: "temporarily_unavailable",
          status,
          retryAfterSeconds: expected,
        },
      );
    }
  });
}

test("no error holds a credential, whatever the server echoes", async (t) => {
  const server = await FakeAuthorizationServer.start(t);
  const svids = new FakeSvids();
  server.always["/register"] = (response, _request) => {
    const { body } = server.seen.at(-1) ?? { body: "" };
    const { software_statement: sent } = JSON.parse(body) as Record<
      string,
      string
    >;
    const [, , signature = ""] = (sent ?? "").split(".");
    answering(400, {
      error: `bad ${sent}`,
      error_description: `no \u001b[31m${sent}\n and ${signature}!`,
    })(response, _request);
  };
  const error: unknown = await register({
    server: server.issuer,
    svidSource: svids,
  }).catch((refused: unknown) => refused);
  assert.ok(error instanceof AccreditClientError);
  assert.equal(error.code, "registration_refused");
  assert.equal(error.oauthError, "bad [removed]");
  const shown = inspect(error, { depth: 9 });
  for (const part of (svids.issued[0] ?? "").split("."))
    assert.ok(!shown.includes(part), shown);
  assert.match(error.description ?? "", /^[ -~]*$/);
});

test("a fetch that fails with the request in its error gives nothing away", async () => {
  const svids = new FakeSvids();
  const error: unknown = await register({
    server: {
      issuer: "https://as.example",
      registration_endpoint: "https://as.example/register",
    },
    svidSource: svids,
    fetch: async (_url, init) => {
      throw Object.assign(new Error(`cannot send ${JSON.stringify(init)}`), {
        init,
      });
    },
  }).catch((failed: unknown) => failed);
  assert.equal((error as AccreditClientError).code, "server_unreachable");
  for (const part of (svids.issued[0] ?? "").split("."))
    assert.ok(!inspect(error, { depth: 9 }).includes(part));
});

test("says when the Workload API has no SVID, and why", async (t) => {
  const server = await FakeAuthorizationServer.start(t);
  const svids = new FakeSvids();
  svids.failure = new WorkloadApiError("no_identity", "not registered");
  await assert.rejects(register({ server: server.issuer, svidSource: svids }), {
    code: "svid_unavailable",
    cause: svids.failure,
  });
  assert.equal(server.count("/register"), 0);
});

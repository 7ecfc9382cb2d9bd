import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { startAccredit, WORKLOAD } from "./running-accredit.ts";

test("[DCR-09] [DCR-10] [DCR-11] registers the client its SVID attests and echoes the statement", async (t) => {
  const accredit = await startAccredit(t);
  const statement = await accredit.statement({
    client_name: "Attested",
    scope: "read write",
  });
  const { status, headers, body } = await accredit.register({
    software_statement: statement,
    client_name: "Requested",
    client_uri: "https://agent.example/",
  });

  assert.equal(status, 201);
  assert.equal(headers.get("content-type"), "application/json");
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("pragma"), "no-cache");
  assert.equal(body["client_id"], WORKLOAD);
  assert.equal(body["software_statement"], statement);
  assert.equal(body["client_name"], "Attested");
  assert.equal(body["scope"], "read write");
  assert.equal(body["token_endpoint_auth_method"], "spiffe_jwt");
  assert.equal(body["spiffe_id"], WORKLOAD);
  assert.deepEqual(body["grant_types"], ["client_credentials"]);
  assert.deepEqual(body["response_types"], []);
  const provenance = body["accredit_provenance"] as Record<string, string>;
  assert.equal(provenance["client_name"], "attested");
  assert.equal(provenance["client_uri"], "requested");
  assert.equal(provenance["token_endpoint_auth_method"], "default");
});

test("[DCR-TI-08] [DCR-12] a SPIFFE client gets nothing secret, whatever it asks for", async (t) => {
  const accredit = await startAccredit(t);
  const plain = await accredit.register({
    software_statement: await accredit.statement(),
  });
  assert.equal(plain.status, 201);
  for (const name of [
    "client_secret",
    "client_secret_expires_at",
    "registration_access_token",
  ]) {
    assert.ok(!(name in plain.body), name);
  }
  for (const method of [
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "none",
  ]) {
    const asked = await accredit.register({
      software_statement: await accredit.statement(),
      token_endpoint_auth_method: method,
    });
    assert.deepEqual(
      [asked.status, asked.body["error"]],
      [400, "invalid_client_metadata"],
      method,
    );
  }
});

test("[MGMT-09] [DCR-13] registering again returns the same client with the new metadata", async (t) => {
  const accredit = await startAccredit(t);
  const first = await accredit.register({
    software_statement: await accredit.statement(),
    client_name: "One",
  });
  const again = await accredit.register({
    software_statement: await accredit.statement(),
    client_name: "Two",
  });
  assert.deepEqual([first.status, again.status], [201, 201]);
  assert.equal(again.body["client_id"], first.body["client_id"]);
  assert.equal(
    again.body["client_id_issued_at"],
    first.body["client_id_issued_at"],
  );
  assert.equal(again.body["client_name"], "Two");
});

test("[I01] [AMB-03] two hundred registrations at once give one opaque client", async (t) => {
  const accredit = await startAccredit(t, {
    registration: "registration: { client_id: opaque }",
  });
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, i) =>
      accredit.register({
        software_statement: await accredit.statement({ jti: String(i) }),
      }),
    ),
  );
  assert.deepEqual(
    new Set(answers.map(({ status }) => status)),
    new Set([201]),
  );
  const ids = new Set(answers.map(({ body }) => body["client_id"]));
  assert.equal(ids.size, 1);
  assert.ok(![...ids][0]?.toString().startsWith("spiffe://"));
});

test("a template gives everything to an SVID without metadata", async (t) => {
  const accredit = await startAccredit(t);
  const { status, body } = await accredit.register({
    software_statement: await accredit.statement(),
  });
  assert.equal(status, 201);
  assert.equal(body["client_name"], "Agent alice");
  assert.equal(body["scope"], "read");
  assert.equal(
    (body["accredit_provenance"] as Record<string, string>)["scope"],
    "template",
  );
});

test("[DCR-06] [P02] what only the attestation may set is dropped from the body", async (t) => {
  const accredit = await startAccredit(t);
  const { body } = await accredit.register({
    software_statement: await accredit.statement(),
    scope: "write",
  });
  assert.equal(body["scope"], "read");
});

test("[DCR-TI-15] a refusal names every reason at once and leaves only its audit row", async (t) => {
  const accredit = await startAccredit(t);
  const { status, body, headers, text } = await accredit.register({
    software_statement: await accredit.statement({
      scope: "read admin",
      grant_types: ["password"],
    }),
  });
  assert.equal(status, 400);
  assert.equal(body["error"], "invalid_client_metadata");
  assert.match(String(body["error_description"]), /admin/);
  assert.match(String(body["error_description"]), /password/);
  assert.equal(headers.get("cache-control"), "no-store");
  assert.ok(text.length < 1024);
  const token = await accredit.token({
    grant_type: "client_credentials",
    client_assertion_type:
      "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
    client_assertion: await accredit.assertion(),
  });
  assert.equal(token.status, 401, "the refused client does not exist");
});

test("[X01] [DCR-TI-02] one trust domain's key cannot vouch for another's workload", async (t) => {
  const accredit = await startAccredit(t);
  const { status, body } = await accredit.register({
    software_statement: await accredit.statement({
      sub: "spiffe://other.example/ns/prod/agent/alice",
    }),
  });
  assert.deepEqual(
    [status, body["error"]],
    [400, "unapproved_software_statement"],
  );
});

test("[DCR-TI-17] [X16] a trust domain whose bundle never loaded answers 503, and readiness says which", async (t) => {
  const accredit = await startAccredit(t, { bundle: "missing" });
  const { status, headers, body } = await accredit.register({
    software_statement: await accredit.statement(),
  });
  assert.deepEqual([status, body["error"]], [503, "temporarily_unavailable"]);
  assert.ok(Number(headers.get("retry-after")) > 0);

  const ready = await fetch(`${accredit.adminUrl}/readyz`);
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /example\.org/);
  assert.equal((await fetch(`${accredit.adminUrl}/healthz`)).status, 200);
});

test("[SEC-05] [L01] no credential reaches the log or the database", async (t) => {
  const accredit = await startAccredit(t);
  const statement = await accredit.statement();
  const assertion = await accredit.assertion();
  await accredit.register({ software_statement: statement });
  await accredit.register({ software_statement: `${statement}x` });
  await accredit.register(`{"software_statement":"${statement}"`);
  const { body } = await accredit.token({
    grant_type: "client_credentials",
    client_assertion_type:
      "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
    client_assertion: assertion,
  });
  await accredit.token({
    grant_type: "client_credentials",
    client_assertion: assertion,
  });
  await fetch(`${accredit.tokenEndpoint}?client_assertion=${assertion}`, {
    method: "POST",
  });
  await fetch(`${accredit.issuer}/${assertion}`);

  const stored = Buffer.concat(
    await Promise.all([
      readFile(accredit.databaseFile),
      readFile(`${accredit.databaseFile}-wal`).catch(() => Buffer.alloc(0)),
    ]),
  ).toString("latin1");
  for (const credential of [
    statement,
    assertion,
    String(body["access_token"]),
  ]) {
    const signature = credential.slice(credential.lastIndexOf(".") + 1);
    for (const piece of [signature, credential.slice(0, 60)]) {
      assert.ok(
        !accredit.logged().includes(piece),
        "a credential is in the log",
      );
      assert.ok(!stored.includes(piece), "a credential is in the database");
    }
  }
  assert.ok(
    accredit.logged().includes('"route":"/register"'),
    "requests are logged at all",
  );
});

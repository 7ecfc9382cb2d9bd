import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clientCredentials,
  send,
  startAccredit,
  WORKLOAD,
} from "./running-accredit.ts";
import type { Answer, RunningAccredit } from "./running-accredit.ts";

const OTHER = "spiffe://example.org/ns/prod/agent/mallory";

async function registered(
  accredit: RunningAccredit,
  body: Record<string, unknown> = {},
  claims: Record<string, unknown> = { scope: "read" },
): Promise<Record<string, unknown>> {
  const answer = await accredit.register({
    software_statement: await accredit.statement(claims),
    ...body,
  });
  assert.equal(answer.status, 201);
  return answer.body;
}

/** A request to a management URI with a JWT-SVID for it, unless `claims` or `headers` say otherwise. */
async function manage(
  accredit: RunningAccredit,
  uri: string,
  method: string,
  options: {
    readonly body?: unknown;
    readonly claims?: Record<string, unknown>;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<Answer> {
  const svid = await accredit.assertion({ aud: uri, ...options.claims });
  return send(uri, {
    method,
    headers: {
      Authorization: `Bearer ${svid}`,
      ...(options.body === undefined
        ? {}
        : { "Content-Type": "application/json" }),
      ...options.headers,
    },
    ...(options.body === undefined
      ? {}
      : { body: JSON.stringify(options.body) }),
  });
}

for (const strategy of ["spiffe_id", "opaque"] as const) {
  test(`[MGMT-01] [MGMT-03] [MGMT-08] a client reads its registration with its SVID, and holds no token (${strategy})`, async (t) => {
    const accredit = await startAccredit(t, {
      registration: `registration: { client_id: ${strategy} }`,
    });
    const { software_statement, ...information } = await registered(accredit);
    assert.equal("registration_access_token" in information, false);
    const uri = String(information["registration_client_uri"]);
    assert.ok(uri.startsWith(`${accredit.issuer}/register/`));
    assert.doesNotMatch(uri, /spiffe|alice/);
    const read = await manage(accredit, uri, "GET");
    assert.equal(read.status, 200);
    assert.deepEqual(read.body, information);
    assert.equal(read.headers.get("cache-control"), "no-store");
    assert.equal(typeof software_statement, "string");
  });
}

test("[MGMT-04] [MGMT-05] an update replaces what is requested and keeps what is attested", async (t) => {
  const accredit = await startAccredit(t);
  const first = await registered(accredit, {
    contacts: ["ops@example.org"],
    client_name: "Before",
  });
  const uri = String(first["registration_client_uri"]);
  const body = { client_id: WORKLOAD, client_name: "After", scope: "write" };
  const { status, body: updated } = await manage(accredit, uri, "PUT", {
    body,
  });
  assert.equal(status, 200);
  assert.equal(updated["client_name"], "After");
  assert.equal(updated["scope"], "read", "attested");
  assert.equal("contacts" in updated, false, "left out, so given up");
  assert.equal(updated["client_id_issued_at"], first["client_id_issued_at"]);
  const read = await manage(accredit, uri, "GET");
  assert.deepEqual(read.body, updated);

  const software_statement = await accredit.statement({ scope: "read write" });
  const again = await manage(accredit, uri, "PUT", {
    body: { client_id: WORKLOAD, software_statement },
  });
  assert.equal(again.body["scope"], "read write", "by a new attestation");

  const narrowed = await manage(accredit, uri, "PUT", {
    body: {
      client_id: WORKLOAD,
      software_statement: await accredit.statement(),
    },
  });
  assert.equal(
    (narrowed.body["accredit_provenance"] as Record<string, unknown>)["scope"],
    "template",
    "what the newest attestation leaves out is attested no more",
  );
});

test("[R05] [MGMT-04] an update with what is not the client's to say is refused, and changes nothing", async (t) => {
  const accredit = await startAccredit(t);
  const first = await registered(accredit);
  const uri = String(first["registration_client_uri"]);
  const good = { client_id: WORKLOAD };
  const stranger = await accredit.statement({ sub: OTHER });
  for (const [body, error] of [
    [{}, "invalid_client_metadata"],
    [{ client_id: OTHER }, "invalid_client_metadata"],
    [{ client_id: 7 }, "invalid_client_metadata"],
    [{ ...good, client_secret: "x" }, "invalid_client_metadata"],
    [{ ...good, registration_access_token: "x" }, "invalid_client_metadata"],
    [{ ...good, registration_client_uri: uri }, "invalid_client_metadata"],
    [{ ...good, client_id_issued_at: 1 }, "invalid_client_metadata"],
    [{ ...good, spiffe_id: OTHER }, "invalid_client_metadata"],
    [
      { ...good, token_endpoint_auth_method: "none" },
      "invalid_client_metadata",
    ],
    [
      { ...good, redirect_uris: ["javascript:alert(1)"] },
      "invalid_redirect_uri",
    ],
    [
      { ...good, software_statement: stranger },
      "unapproved_software_statement",
    ],
    [{ ...good, software_statement: "x.y.z" }, "invalid_software_statement"],
    [[good], "invalid_request"],
  ] as const) {
    const answer = await manage(accredit, uri, "PUT", { body });
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.equal(answer.body["error"], error, JSON.stringify(body));
  }
  const form = await manage(accredit, uri, "PUT", {
    body: good,
    headers: { "Content-Type": "text/plain" },
  });
  assert.equal(form.status, 415);
  const { software_statement: _statement, ...information } = first;
  assert.deepEqual((await manage(accredit, uri, "GET")).body, information);
});

test("[MGMT-06] [R10] a deleted client gets no token, its token is inactive, and deleting again is refused", async (t) => {
  const accredit = await startAccredit(t);
  const uri = String((await registered(accredit))["registration_client_uri"]);
  const deleted = await manage(accredit, uri, "DELETE");
  assert.equal(deleted.status, 204);
  assert.equal(deleted.text, "");
  const token = await accredit.token(
    clientCredentials(await accredit.assertion()),
  );
  assert.equal(token.status, 401);
  for (const method of ["GET", "DELETE"] as const) {
    const { status, headers, body } = await manage(accredit, uri, method);
    assert.equal(status, 401);
    assert.equal(body["error"], "invalid_token");
    assert.match(String(headers.get("www-authenticate")), /invalid_token/);
  }
  await registered(accredit);
  assert.equal((await manage(accredit, uri, "GET")).status, 200);
});

test("[MGMT-02] [R02] who is not the client is refused, and learns nothing", async (t) => {
  const accredit = await startAccredit(t);
  const uri = String((await registered(accredit))["registration_client_uri"]);
  await registered(accredit, {}, { sub: OTHER });
  const texts = new Set<unknown>();
  for (const [claims, why] of [
    [{ sub: OTHER }, "another client"],
    [{ sub: `${WORKLOAD}/nobody` }, "no client"],
    [{ aud: accredit.issuer }, "a client assertion"],
    [{ aud: accredit.registrationEndpoint }, "a statement"],
    [{ aud: `${uri}/` }, "a slash more"],
    [{ aud: [uri, "x"] }, "two audiences"],
    [{ exp: 1 }, "expired"],
  ] as const) {
    const { status, body } = await manage(accredit, uri, "GET", { claims });
    assert.equal(status, 401, why);
    assert.equal(body["error"], "invalid_token", why);
    texts.add(body["error_description"]);
  }
  assert.equal(texts.size, 1);
  for (const Authorization of [
    "Bearer",
    "Bearer ",
    "Bearer a b",
    "Basic eDp5",
    `Bearer ${"x".repeat(8192)}`,
    "Bearer x.y.z",
    "bearer \u00e9",
  ]) {
    const { status } = await manage(accredit, uri, "GET", {
      headers: { Authorization },
    });
    assert.equal(status, 401, Authorization.slice(0, 20));
  }
  const bare = await send(uri, { method: "GET" });
  assert.equal(bare.status, 401);
  assert.equal(bare.headers.get("www-authenticate"), "Bearer");
  const unknown = await manage(accredit, `${uri}x`, "GET");
  assert.equal(unknown.status, 401, "a URI that names nobody");
  const post = await manage(accredit, uri, "POST", { body: {} });
  assert.equal(post.status, 405);
  assert.match(String(post.headers.get("allow")), /PUT/);
});

test("[I10] updates and deletions at once never leave a client that was deleted last", async (t) => {
  const accredit = await startAccredit(t);
  for (let round = 0; round < 5; round++) {
    const uri = String((await registered(accredit))["registration_client_uri"]);
    const put = () =>
      manage(accredit, uri, "PUT", { body: { client_id: WORKLOAD } });
    const answers = await Promise.all([
      put(),
      put(),
      manage(accredit, uri, "DELETE"),
      put(),
      put(),
    ]);
    assert.ok(answers.every(({ status }) => status < 500));
    assert.equal((await manage(accredit, uri, "GET")).status, 401);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { DcrError } from "@accredit/core/errors";
import { makeProposal, makeRefusal } from "@accredit/testkit";
import { API_ROUTES } from "../src/admin/admin-api.ts";
import { createMetrics } from "../src/admin/metrics.ts";
import { createLimits } from "../src/limits/limits.ts";
import { startAdmin } from "./running-admin.ts";

const subjectOf = (i: number): string =>
  `spiffe://example.org/ns/prod/agent/${i}`;
const pathOf = (id: string): string => `/clients/${encodeURIComponent(id)}`;

test("[C04] nothing of the API is served without the token, and nothing at all where none is set", async (t) => {
  const admin = await startAdmin(t);
  const off = await startAdmin(t, { bearerToken: undefined });
  for (const { method, path } of [
    ...API_ROUTES,
    { method: "get", path: "/openapi.json" },
  ]) {
    const target = path.replaceAll(/\{[a-z_]+\}/g, "trust");
    for (const token of ["", "wrong", "the-admin-token-of-the-test"]) {
      const { status, body } = await admin.call(method.toUpperCase(), target, {
        token,
      });
      assert.equal(status, 401, path);
      assert.equal(body["error"], "invalid_token");
    }
    const { status } = await off.call(method.toUpperCase(), target);
    assert.equal(status, 403, path);
  }
  const rows = await admin.store.readAudit({ limit: 1000 });
  assert.equal(rows.length, 3 * (API_ROUTES.length + 1));
  for (const { action, code, credential, remote } of rows)
    assert.deepEqual(
      { action, code, credential, remote },
      {
        action: "administration.refused",
        code: "admin_token_invalid",
        credential: null,
        remote: "127.0.0.1",
      },
    );
  assert.deepEqual(await off.store.readAudit({ limit: 10 }), []);
});

test("[D05] callers without the token beyond the limit of their address get 429 and no audit row; the administrator is served", async (t) => {
  const { limitRefusal } = createLimits(
    {
      registrationsPerMinutePerPrefix: 1,
      failedAttemptsPerSecondPerAddress: 1,
    },
    createMetrics(() => []),
  );
  const { call, store, url } = await startAdmin(t, { limitRefusal });
  let answer = await call("GET", "/clients", { token: "wrong" });
  while (answer.status === 401)
    answer = await call("GET", "/clients", { token: "wrong" });
  assert.equal(answer.status, 429);
  const rows = (await store.readAudit({ limit: 100 })).length;
  assert.ok(rows >= 5, "the first ones are written down");
  const metrics = await fetch(`${url}/metrics`);
  assert.ok(metrics.status === 429 || metrics.status === 401);
  assert.equal((await call("GET", "/clients")).status, 200);
  assert.ok((await store.readAudit({ limit: 100 })).length <= rows + 1);
});

test("the trail is verified in sections, each from where the one before has ended", async (t) => {
  const { call, store } = await startAdmin(t);
  for (let i = 0; i < 5; i++) await store.appendAudit(makeRefusal());
  let rows = 0;
  let query = "?limit=2";
  for (;;) {
    const { status, body } = await call("GET", `/audit-verification${query}`);
    assert.equal(status, 200);
    assert.equal(body["broken"], null);
    rows += Number(body["rows"]);
    if (body["complete"] === true) break;
    query = `?limit=2&after=${Number(body["sequence"])}&chain=${String(body["head"])}`;
  }
  assert.equal(rows, 5);
  const wrong = await call(
    "GET",
    `/audit-verification?after=3&chain=${"0".repeat(64)}`,
  );
  assert.equal(
    (wrong.body["broken"] as Record<string, unknown>)["sequence"],
    3,
  );
  for (const bad of ["limit=0", "limit=x", "chain=x", "after=-1"])
    assert.equal((await call("GET", `/audit-verification?${bad}`)).status, 400);
});

test("the OpenAPI document names every operation once, with its parameters and schemas", async (t) => {
  const { call } = await startAdmin(t);
  const { status, body } = await call("GET", "/openapi.json");
  assert.equal(status, 200);
  assert.equal(body["openapi"], "3.1.0");
  const paths = body["paths"] as Record<string, Record<string, unknown>>;
  const served = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(
    served.toSorted(),
    API_ROUTES.map(({ method, path }) => `${method} /api/v1${path}`).toSorted(),
  );
  const ids = API_ROUTES.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  const text = JSON.stringify(body);
  const { components } = body as { components: { schemas: object } };
  for (const [, name = ""] of text.matchAll(/#\/components\/schemas\/(\w+)/g))
    assert.ok(Object.hasOwn(components.schemas, name), name);
});

test("a fault is answered as one, and the log says more", async (t) => {
  const logged: string[] = [];
  const { call, store } = await startAdmin(t, {
    log: {
      info: () => {},
      warn: () => {},
      error: (fields) => void logged.push(JSON.stringify(fields)),
    },
  });
  store.listClients = () => Promise.reject(new TypeError("no such method"));
  const { status, body } = await call("GET", "/clients");
  assert.equal(status, 500);
  assert.deepEqual(body, {
    error: "server_error",
    error_description: "the server failed",
  });
  assert.equal(logged.length, 1);
  assert.match(logged.join(), /no such method/);
});

test("a body that is too large, an API that is off and a store that is full have their answers", async (t) => {
  const { call, store } = await startAdmin(t);
  const put = (body: unknown) =>
    call("PUT", "/suspensions/trust/example.org", { body });
  assert.equal((await put({ reason: "x".repeat(100_000) })).status, 413);
  store.listClients = () =>
    Promise.reject(new DcrError("store_unavailable", "full"));
  assert.equal((await call("GET", "/clients")).status, 503);
  const off = await startAdmin(t, { bearerToken: undefined });
  assert.equal((await off.call("GET", "/clients")).status, 403);
});

test("clients are listed page by page, shown by their id, and deleted", async (t) => {
  const { call, store } = await startAdmin(t);
  for (let i = 0; i < 7; i++)
    await store.register(makeProposal({ subject: subjectOf(i) }));
  const seen: unknown[] = [];
  let query = "?limit=3";
  for (;;) {
    const { status, body } = await call("GET", `/clients${query}`);
    assert.equal(status, 200);
    seen.push(
      ...(body["clients"] as { subject: string }[]).map((c) => c.subject),
    );
    if (body["next"] === null) break;
    query = `?limit=3&after=${Number(body["next"])}`;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 7 }, (_, i) => subjectOf(i)),
  );

  const id = subjectOf(3);
  const shown = await call("GET", pathOf(id));
  assert.equal(shown.body["client_id"], id);
  assert.equal(shown.body["standing"], "active");
  assert.match(
    String(shown.body["registration_client_uri"]),
    /^https:\/\/as\.example\/register\/[\w-]{43}$/,
  );
  assert.equal((await call("DELETE", pathOf(id))).status, 204);
  assert.equal((await call("DELETE", pathOf(id))).status, 404);
  assert.equal((await call("GET", pathOf(id))).status, 404);
  const [row] = await store.readAudit({ limit: 1 });
  assert.equal(row?.action, "client.deleted");
  assert.equal(row.remote, "127.0.0.1");
});

test("a withdrawal is previewed, set, shown on the client, repeated and lifted", async (t) => {
  const { call, store } = await startAdmin(t);
  for (let i = 0; i < 3; i++)
    await store.register(makeProposal({ subject: subjectOf(i) }));
  const pattern = "spiffe://example.org/ns/*/agent/*";
  const path = `/suspensions/subject/${encodeURIComponent(pattern)}`;
  const preview = await call("GET", `${path}/preview`);
  assert.equal(preview.body["clients"], 3);
  assert.equal(preview.body["complete"], true);
  assert.deepEqual((await call("GET", "/suspensions")).body, {
    suspensions: [],
  });
  for (const reason of ["key leaked", "still"]) {
    const set = await call("PUT", path, { body: { reason } });
    assert.equal(set.status, 200);
    assert.deepEqual(set.body, {
      scope: "subject",
      value: pattern,
      reason,
      since: 1_750_000_000,
      clients: 3,
      complete: true,
    });
  }
  const shown = await call("GET", pathOf(subjectOf(0)));
  assert.equal(shown.body["standing"], "suspended");
  assert.match(String(shown.body["standing_reason"]), /still/);
  assert.equal((await call("DELETE", path)).status, 204);
  assert.equal((await call("DELETE", path)).status, 404);
  assert.equal(
    (await call("GET", pathOf(subjectOf(0)))).body["standing"],
    "active",
  );
  const issuers = await call("GET", "/issuers");
  const [issuer] = issuers.body["issuers"] as Record<string, unknown>[];
  assert.equal(issuer?.["clients"], 3);
  assert.equal(issuer["suspended"], false);
  assert.equal(
    (await call("POST", "/issuers/example.org/refresh")).status,
    200,
  );
  const [refreshed] = await store.readAudit({ limit: 1 });
  assert.equal(refreshed?.action, "issuer.refreshed");
  assert.equal(refreshed.credential?.kind, "admin_token");
  assert.deepEqual(refreshed.details, {
    issuer: "example.org",
    ready: true,
    keys: 2,
    error: null,
  });
  assert.equal((await call("POST", "/issuers/nobody/refresh")).status, 404);
  assert.equal((await store.readAudit({ limit: 1 }))[0]?.id, refreshed.id);
});

test("the audit trail is read by page, client, action and id, and verified", async (t) => {
  const { call, store } = await startAdmin(t);
  for (let i = 0; i < 4; i++)
    await store.register(makeProposal({ subject: subjectOf(i) }));
  const refusal = makeRefusal({ clientId: subjectOf(1) });
  await store.appendAudit(refusal);
  const first = await call("GET", "/audit?limit=2");
  const second = await call(
    "GET",
    `/audit?limit=10&before=${Number(first.body["next"])}`,
  );
  assert.equal((first.body["entries"] as unknown[]).length, 2);
  assert.equal((second.body["entries"] as unknown[]).length, 3);
  assert.equal(second.body["next"], null);
  const client = encodeURIComponent(subjectOf(1));
  const ofClient = await call(
    "GET",
    `/audit?client_id=${client}&action=registration.refused`,
  );
  assert.equal((ofClient.body["entries"] as unknown[]).length, 1);
  const one = await call("GET", `/audit/${refusal.id}`);
  assert.equal(one.body["code"], "policy_denied");
  assert.deepEqual(one.body["reasons"], refusal.reasons);
  assert.equal((await call("GET", "/audit/nothing")).status, 404);
  const verdict = await call("GET", "/audit-verification");
  assert.equal(verdict.body["rows"], 5);
  assert.equal(verdict.body["broken"], null);
});

for (const [method, path, body] of [
  ["GET", "/clients?limit=0"],
  ["GET", "/clients?limit=501"],
  ["GET", "/clients?limit=1e2"],
  ["GET", "/clients?after=-1"],
  ["GET", "/clients?after=1&after=2"],
  ["GET", "/clients?sort=client_id;DROP TABLE clients"],
  ["GET", "/audit?action=everything"],
  ["GET", "/audit?before=9999999999999999"],
  ["PUT", "/suspensions/planet/earth", {}],
  ["PUT", "/suspensions/trust/example.org", { reasn: "typo" }],
  ["PUT", "/suspensions/trust/EXAMPLE.org", {}],
  ["PUT", "/suspensions/rule/agent", {}],
  ["PUT", "/suspensions/subject/*", {}],
  ["PUT", "/suspensions/subject/%ff", {}],
  ["GET", "/suspensions/subject/%ff/preview"],
  ["PUT", "/suspensions/subject/spiffe%3A%2F%2Fexample.org", {}],
  ["PUT", "/suspensions/subject/spiffe%3A%2F%2Fexample.org%2F**%2Fb", {}],
  ["PUT", "/suspensions/subject/spiffe%3A%2F%2FEXAMPLE.org%2F*", {}],
  ["GET", "/suspensions/subject/spiffe%3A%2F%2FEXAMPLE.org%2F*/preview"],
  ["PUT", "/suspensions/trust/example.org", { reason: 7 }],
  ["PUT", "/suspensions/trust/example.org", { reason: "x".repeat(501) }],
  ["PUT", "/suspensions/trust/example.org", []],
  ["PUT", "/suspensions/trust/example.org", "{"],
] as const) {
  test(`[C08] ${method} ${path} ${body === undefined ? "" : JSON.stringify(body).slice(0, 30)} is a bad request`, async (t) => {
    const { call, store } = await startAdmin(t);
    const answer = await call(method, path, { body });
    assert.equal(answer.status, 400);
    assert.equal(answer.body["error"], "invalid_request");
    assert.deepEqual(await store.suspensions(), []);
  });
}

test("other methods and too much are refused by name", async (t) => {
  const { call } = await startAdmin(t);
  assert.equal((await call("POST", "/clients")).status, 405);
  assert.equal((await call("GET", "/nothing")).status, 404);
  const { status } = await call("PUT", "/suspensions/trust/example.org", {
    body: { reason: "x".repeat(70_000) },
  });
  assert.equal(status, 413);
});

test("/readyz warns of a clock that is minutes from the database's, and stays ready", async (t) => {
  const { store, url } = await startAdmin(t);
  const readyz = async (clockAheadSeconds: number) => {
    store.ping = async () => ({ clockAheadSeconds });
    const response = await fetch(`${url}/readyz`);
    assert.equal(response.status, 200);
    const { warnings } = (await response.json()) as { warnings: string[] };
    return warnings;
  };
  assert.deepEqual(await readyz(2), []);
  assert.match((await readyz(400)).join(), /is 400 s ahead of it/);
  assert.match((await readyz(-86_400)).join(), /is 86400 s behind it/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import {
  AccreditClientError,
  createTokenSource,
  JWT_SPIFFE_ASSERTION_TYPE,
} from "@accredit/client";
import { WorkloadApiError } from "@accredit/workload-api";
import { answering } from "./fake-authorization-server.ts";
import { claimsOf, FakeSvids, OTHER, WORKLOAD } from "./fake-svids.ts";
import { HOSTILE_ANSWERS } from "./hostile-answers.ts";
import { startHarness } from "./token-harness.ts";

test("registers on first need, then asks for a token with another SVID", async (t) => {
  const { server, svids, source, times, counts } = await startHarness(t, {
    scope: "read write",
    resource: ["https://a.example", "https://b.example"],
    clientMetadata: { client_name: "Alice" },
  });
  assert.deepEqual(counts(), [0, 0, 0]);
  assert.deepEqual(await source.getToken(), {
    accessToken: "token-1",
    scope: "read write",
    expiresAt: times.now() + 600,
  });
  assert.deepEqual(counts(), [1, 1, 1]);

  const [statement = "", assertion = ""] = svids.issued;
  assert.equal(claimsOf(statement)["aud"], server.registrationEndpoint);
  assert.equal(claimsOf(assertion)["aud"], server.issuer);
  const [, registration, token] = server.seen;
  assert.deepEqual(JSON.parse(registration?.body ?? ""), {
    grant_types: ["client_credentials"],
    token_endpoint_auth_method: "spiffe_jwt",
    client_name: "Alice",
    software_statement: statement,
  });
  assert.deepEqual(
    [...(token?.parameters ?? [])],
    [
      ["grant_type", "client_credentials"],
      ["client_id", WORKLOAD],
      ["client_assertion_type", JWT_SPIFFE_ASSERTION_TYPE],
      ["client_assertion", assertion],
      ["scope", "read write"],
      ["resource", "https://a.example"],
      ["resource", "https://b.example"],
    ],
  );
});

test("a hundred callers at once: one registration, one token request", async (t) => {
  const { token, counts } = await startHarness(t);
  const tokens = await Promise.all(Array.from({ length: 100 }, token));
  assert.deepEqual(new Set(tokens), new Set(["token-1"]));
  assert.deepEqual(counts(), [1, 1, 1]);
});

test("a hundred callers at once share one failure, too", async (t) => {
  const { server, token, counts } = await startHarness(t);
  server.always["/token"] = answering(400, { error: "invalid_scope" });
  const results = await Promise.allSettled(Array.from({ length: 100 }, token));
  for (const result of results) assert.equal(result.status, "rejected");
  assert.deepEqual(counts(), [1, 1, 1]);
});

test("fetches an SVID for each request and asks again for a token that ended", async (t) => {
  const { svids, times, token, counts } = await startHarness(t);
  assert.equal(await token(), "token-1");
  times.pass(299);
  assert.equal(await token(), "token-1");
  assert.deepEqual(counts(), [1, 1, 1]);
  times.pass(400);
  assert.equal(await token(), "token-2");
  assert.deepEqual(counts(), [1, 1, 2]);
  assert.equal(new Set(svids.issued).size, 3);
});

test("renews a token behind its callers, once", async (t) => {
  const { times, token, counts } = await startHarness(t);
  await token();
  times.pass(600 * 0.625);
  assert.deepEqual(
    new Set(await Promise.all(Array.from({ length: 100 }, token))),
    new Set(["token-1"]),
  );
  while ((await token()) === "token-1")
    await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(counts(), [1, 1, 2]);
});

test("a server that forgot the client gets exactly one registration more", async (t) => {
  const { server, times, token, counts } = await startHarness(t);
  await token();
  server.clients.clear();
  times.pass(1000);
  const tokens = await Promise.all(Array.from({ length: 50 }, token));
  assert.deepEqual(new Set(tokens), new Set(["token-2"]));
  assert.deepEqual(counts(), [1, 2, 3]);
  // It may happen again later.
  server.clients.clear();
  times.pass(1000);
  assert.equal(await token(), "token-3");
  assert.deepEqual(counts(), [1, 3, 5]);
});

test("a registration that does not help is not repeated, and the refusal is told", async (t) => {
  const { server, times, token, counts } = await startHarness(t);
  server.always["/token"] = answering(401, { error: "invalid_client" });
  const refused = { code: "token_refused", oauthError: "invalid_client" };
  await assert.rejects(token(), refused);
  assert.deepEqual(counts(), [1, 1, 1]);
  for (let i = 0; i < 4; i += 1) {
    times.pass(61);
    await assert.rejects(token(), refused);
  }
  assert.equal(server.count("/register"), 1);
  // After five minutes the server may have forgotten the client for real.
  times.pass(61);
  await assert.rejects(token(), refused);
  assert.equal(server.count("/register"), 2);
  delete server.always["/token"];
  times.pass(61);
  assert.equal(await token(), "token-1");
});

test("a registration that is refused after the client was forgotten is not repeated either", async (t) => {
  const { server, times, token } = await startHarness(t);
  await token();
  server.clients.clear();
  server.always["/register"] = answering(400, {
    error: "unapproved_software_statement",
  });
  times.pass(1000);
  await assert.rejects(token(), { code: "registration_refused" });
  assert.equal(server.count("/register"), 2);
  for (let i = 0; i < 4; i += 1) {
    times.pass(61);
    await assert.rejects(token(), { oauthError: "invalid_client" });
  }
  assert.equal(server.count("/register"), 2);
  delete server.always["/register"];
  times.pass(61);
  assert.match(await token(), /^token-/);
});

for (const status of [429, 503]) {
  test(`waits as long as the server asks after ${status}, at whichever endpoint`, async (t) => {
    for (const path of ["/metadata", "/register", "/token"]) {
      const { server, times, token } = await startHarness(t);
      server.next[path] = [
        answering(
          status,
          { error: "temporarily_unavailable" },
          { "Retry-After": "30" },
        ),
      ];
      const code = "temporarily_unavailable";
      await assert.rejects(token(), { code, status, retryAfterSeconds: 30 });
      const requests = server.seen.length;
      times.pass(29);
      await assert.rejects(token(), { code, status, retryAfterSeconds: 1 });
      times.step(3600);
      await assert.rejects(token(), { code, status, retryAfterSeconds: 1 });
      assert.equal(server.seen.length, requests);
      times.pass(1);
      assert.equal(await token(), "token-1");
    }
  });
}

test("waits longer from failure to failure, a minute at most, and starts over after success", async (t) => {
  const { server, times, token } = await startHarness(t);
  const waits: (number | undefined)[] = [];
  const fail = async (): Promise<void> => {
    await assert.rejects(token(), { code: "temporarily_unavailable" });
    const error: unknown = await token().catch((again: unknown) => again);
    assert.ok(error instanceof AccreditClientError);
    waits.push(error.retryAfterSeconds);
    times.pass(error.retryAfterSeconds ?? NaN);
  };
  server.always["/token"] = answering(500);
  for (let i = 0; i < 8; i += 1) await fail();
  delete server.always["/token"];
  await token();
  server.always["/token"] = answering(500);
  times.pass(1000);
  await fail();
  assert.deepEqual(
    waits.map((seconds) => Math.round((seconds ?? NaN) * 100) / 100),
    [0.75, 1.5, 3, 6, 12, 24, 45, 45, 0.75],
  );
});

test("follows the workload to another identity, and registers that one", async (t) => {
  const { server, svids, times, token, counts } = await startHarness(t);
  await token();
  svids.spiffeId = OTHER;
  times.pass(1000);
  assert.equal(await token(), "token-2");
  assert.deepEqual(counts(), [1, 2, 2]);
  assert.equal(server.seen.at(-1)?.parameters.get("client_id"), OTHER);
});

test("stays with the identity asked for", async (t) => {
  const { server, token } = await startHarness(t, { spiffeId: OTHER });
  await token();
  assert.deepEqual([...server.clients.keys()], [OTHER]);
});

test("says why there is no SVID, and does not ask all the time", async (t) => {
  const { svids, times, token, counts } = await startHarness(t);
  svids.failure = new WorkloadApiError("no_identity", "not registered yet");
  await assert.rejects(token(), {
    code: "svid_unavailable",
    cause: svids.failure,
  });
  svids.failure = undefined;
  await assert.rejects(token(), { code: "svid_unavailable" });
  times.pass(1);
  assert.equal(await token(), "token-1");
  assert.deepEqual(counts(), [2, 1, 1]);
});

test("finds a token endpoint that moved", async (t) => {
  const { server, times, token, counts } = await startHarness(t);
  await token();
  server.metadata = { token_endpoint: `${server.issuer}/v2/token` };
  server.next["/token"] = [(response) => void response.writeHead(404).end()];
  times.pass(1000);
  await assert.rejects(token(), { code: "response_invalid", status: 404 });
  times.pass(1);
  assert.equal(await token(), "token-2");
  assert.deepEqual(counts(), [2, 1, 3]);
});

test("finds a token endpoint that moved though the old address answers 503, and leaves an overloaded server alone", async (t) => {
  const { server, times, token, counts } = await startHarness(t);
  await token();
  server.metadata = { token_endpoint: `${server.issuer}/v2/exchange` };
  server.always["/token"] = answering(503);
  server.always["/exchange"] = answering(200, {
    access_token: "moved",
    token_type: "Bearer",
  });
  // Ten minutes after the metadata came it is asked for again, not sooner.
  for (const seconds of [595, 4]) {
    times.pass(seconds);
    await assert.rejects(token(), { status: 503 });
    assert.equal(server.count("/metadata"), 1);
  }
  times.pass(10);
  await assert.rejects(token(), { status: 503 });
  times.pass(10);
  assert.equal(await token(), "moved");
  assert.deepEqual(counts(), [2, 1, 4]);
});

for (const { name, body } of [
  { name: "no access_token", body: {} },
  { name: "an empty access_token", body: { access_token: "" } },
  {
    name: "an access_token with a line break",
    body: { access_token: "a\r\nX: y" },
  },
  { name: "an access_token that is no text", body: { access_token: 7 } },
  { name: "a huge access_token", body: { access_token: "a".repeat(70_000) } },
  {
    name: "a token bound to a key",
    body: { access_token: "a", token_type: "DPoP" },
  },
  { name: "no token_type", body: { access_token: "a", token_type: undefined } },
  { name: "a lifetime of nothing", body: { access_token: "a", expires_in: 0 } },
  {
    name: "a lifetime before the beginning",
    body: { access_token: "a", expires_in: -1 },
  },
  {
    name: "a lifetime that is no number",
    body: { access_token: "a", expires_in: "600" },
  },
  {
    name: "a scope that is no text",
    body: { access_token: "a", scope: ["read"] },
  },
]) {
  test(`takes ${name} for no token`, async (t) => {
    const { server, token } = await startHarness(t);
    server.always["/token"] = answering(200, {
      token_type: "bearer",
      expires_in: 60,
      ...body,
    });
    await assert.rejects(token(), { code: "response_invalid", status: 200 });
  });
}

test("keeps a token of no declared lifetime for a minute, and one without end for a day", async (t) => {
  for (const [expiresIn, kept] of [
    [undefined, 60],
    [1e300, 86_400],
  ] as const) {
    const { server, source, times } = await startHarness(t);
    server.always["/token"] = answering(200, {
      access_token: "a",
      token_type: "bearer",
      expires_in: expiresIn,
    });
    const { expiresAt } = await source.getToken();
    assert.equal(expiresAt, times.now() + kept);
  }
});

for (const { name, misbehave, code, message, settings } of HOSTILE_ANSWERS) {
  test(`a token request meets ${name}`, async (t) => {
    const { server, token } = await startHarness(t, settings);
    server.always["/token"] = misbehave;
    await assert.rejects(token(), { code, message });
  });
}

test("a refusal holds neither assertion nor statement", async (t) => {
  const { server, svids, token } = await startHarness(t);
  server.always["/token"] = (response, request) => {
    const assertion = server.seen.at(-1)?.parameters.get("client_assertion");
    answering(401, {
      error: "invalid_client",
      error_description: `no client for ${assertion}`,
    })(response, request);
  };
  const error: unknown = await token().catch((refused: unknown) => refused);
  assert.ok(error instanceof AccreditClientError);
  assert.equal(error.description, "no client for [removed]");
  for (const part of svids.issued.flatMap((svid) => svid.split(".")))
    assert.ok(!inspect(error, { depth: 9 }).includes(part));
});

test("one caller's abort does not end the others' request", async (t) => {
  const { server, source, token, counts } = await startHarness(t);
  const arrived = new Promise<void>((resolve) => {
    server.next["/register"] = [
      (response) => {
        resolve();
        answerLater = () =>
          answering(201, { client_id: WORKLOAD })(response, response.req);
      },
    ];
  });
  let answerLater = (): void => assert.fail("no request");
  server.clients.set(WORKLOAD, WORKLOAD);

  const controller = new AbortController();
  const aborted = source.getToken({ signal: controller.signal });
  const others = [token(), token()];
  await arrived;
  const reason = new Error("no longer needed");
  controller.abort(reason);
  await assert.rejects(aborted, (error) => error === reason);
  await assert.rejects(
    source.getToken({ signal: controller.signal }),
    (error) => error === reason,
  );
  answerLater();
  assert.deepEqual(await Promise.all(others), ["token-1", "token-1"]);
  assert.deepEqual(counts(), [1, 1, 1]);
});

test("a token that only an aborted caller asked for serves the next one", async (t) => {
  const { source, token, counts } = await startHarness(t);
  const controller = new AbortController();
  const aborted = source.getToken({ signal: controller.signal });
  controller.abort();
  await assert.rejects(aborted, { name: "AbortError" });
  assert.equal(await token(), "token-1");
  assert.deepEqual(counts(), [1, 1, 1]);
});

test("closing ends what goes on and gives nothing out any more", async (t) => {
  const { server, source, token } = await startHarness(t);
  await token();
  await source.close();
  await assert.rejects(token(), { code: "closed" });
  await source.close();

  const hung = await startHarness(t);
  const arrived = new Promise<void>((resolve) => {
    hung.server.always["/token"] = () => resolve();
  });
  const waiting = hung.token();
  await arrived;
  const [outcome] = await Promise.allSettled([waiting, hung.source.close()]);
  assert.equal(outcome.status, "rejected");
  assert.equal((outcome.reason as AccreditClientError).code, "closed");
  assert.equal(server.count("/token"), 1);
});

test("an SVID source that does not listen to the signal does not keep it open", async (t) => {
  const svids = new FakeSvids();
  const asked = new Promise<void>((resolve) => {
    svids.fetchJwtSvid = () => {
      resolve();
      return new Promise(() => undefined);
    };
  });
  const { source, token } = await startHarness(t, { workloadApi: svids });
  const waiting = token();
  await asked;
  const [outcome] = await Promise.allSettled([waiting, source.close()]);
  assert.equal(outcome.status, "rejected");
});

test("an issuer that may not be used is refused at once", () => {
  for (const issuer of ["http://as.example", "as", "https://as.example/?x"]) {
    assert.throws(
      () => createTokenSource({ issuer, workloadApi: new FakeSvids() }),
      { code: "issuer_invalid" },
    );
  }
  assert.throws(
    () => createTokenSource({ issuer: "https://as.example", workloadApi: "x" }),
    { code: "address_invalid" },
  );
});

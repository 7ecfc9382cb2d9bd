import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { test, type TestContext } from "node:test";
import { inspect } from "node:util";
import { createMutualTls, createTokenSource } from "@accredit/client";
import { answering } from "./fake-authorization-server.ts";
import { FakeSvids, OTHER, WORKLOAD } from "./fake-svids.ts";
import { startTlsEndpoint } from "./fake-tls-endpoint.ts";
import { HOSTILE_ANSWERS } from "./hostile-answers.ts";
import { startHarness } from "./token-harness.ts";

/** A token source that authenticates by mutual TLS at an alias of the token endpoint. */
async function startMutualTls(t: TestContext, trusted = true) {
  let listener: RequestListener = () => undefined;
  const tls = await startTlsEndpoint(t, (request, response) =>
    listener(request, response),
  );
  const harness = await startHarness(t, {
    method: "spiffe_x509",
    ...(trusted ? { ca: tls.ca } : {}),
  });
  listener = harness.server.listener();
  harness.server.metadata = {
    mtls_endpoint_aliases: { token_endpoint: `${tls.origin}/token` },
  };
  harness.svids.x509 = [await tls.svid()];
  return { ...harness, tls };
}

test("authenticates with an X.509-SVID at the alias of the token endpoint", async (t) => {
  const { server, tls, token } = await startMutualTls(t);
  assert.equal(await token(), "token-1");
  const [, registration, request] = server.seen;
  const { token_endpoint_auth_method: method } = JSON.parse(
    registration?.body ?? "",
  ) as Record<string, unknown>;
  assert.equal(method, "spiffe_x509");
  assert.deepEqual(
    [...(request?.parameters ?? [])],
    [
      ["grant_type", "client_credentials"],
      ["client_id", WORKLOAD],
    ],
  );
  assert.equal(tls.accepted(), 1);
});

test("a new SVID gets a new connection, and the old one is closed", async (t) => {
  const { svids, tls, times, token } = await startMutualTls(t);
  await token();
  times.pass(1000);
  await token();
  assert.equal(tls.accepted(), 1);
  const [old] = tls.sockets;
  assert.ok(old);
  const closed = once(old, "close");
  svids.x509 = [await tls.svid()];
  times.pass(1000);
  assert.equal(await token(), "token-3");
  await closed;
  assert.equal(tls.accepted(), 2);
});

test("closing the source closes its connections", async (t) => {
  const { source, tls, token } = await startMutualTls(t);
  await token();
  const [socket] = tls.sockets;
  assert.ok(socket);
  const closed = once(socket, "close");
  await source.close();
  await closed;
});

test("shows the identity that registered, of several", async (t) => {
  const { server, svids, tls, times, token, counts } = await startMutualTls(t);
  svids.x509 = [await tls.svid(OTHER), await tls.svid()];
  await token();
  assert.equal(server.seen.at(-1)?.parameters.get("client_id"), WORKLOAD);
  svids.x509 = [await tls.svid(OTHER)];
  times.pass(1000);
  await token();
  assert.equal(server.seen.at(-1)?.parameters.get("client_id"), OTHER);
  assert.deepEqual(counts(), [1, 2, 2]);
});

test("[CAUTH-08] the server's certificate has to be from an authority trusted for that", async (t) => {
  const { server, token } = await startMutualTls(t, false);
  await assert.rejects(token(), {
    code: "server_unreachable",
    message: /certificate/,
  });
  assert.equal(server.count("/token"), 0);
});

test("a server that forgot the client gets one registration more", async (t) => {
  const { server, times, token, counts } = await startMutualTls(t);
  await token();
  server.clients.clear();
  times.pass(1000);
  assert.equal(await token(), "token-2");
  assert.deepEqual(counts(), [1, 2, 3]);
});

test("says that there is no SVID, or none that TLS takes, without its key", async (t) => {
  const { svids, tls, times, token } = await startMutualTls(t);
  svids.x509 = [];
  await assert.rejects(token(), { code: "svid_unavailable" });
  const [good, other] = [await tls.svid(), await tls.svid()];
  for (const bad of [
    { ...good, privateKey: other.privateKey },
    { ...good, privateKey: new Uint8Array([1, 2, 3]) },
    { ...good, certificates: [new Uint8Array([1, 2, 3])] },
  ]) {
    svids.x509 = [bad];
    times.pass(60);
    const error: unknown = await token().catch((failed: unknown) => failed);
    assert.equal((error as { code?: string }).code, "svid_unavailable");
    const key = Buffer.from(bad.privateKey).toString("base64").slice(0, 60);
    assert.ok(!inspect(error, { depth: 9 }).includes(key));
  }
});

for (const { name, misbehave, code, settings } of HOSTILE_ANSWERS) {
  test(`a token request in mutual TLS meets ${name}`, async (t) => {
    const tls = await startTlsEndpoint(t, (request, response) =>
      misbehave(response, request),
    );
    const { server, svids, token } = await startHarness(t, {
      ...settings,
      method: "spiffe_x509",
      ca: tls.ca,
    });
    server.metadata = {
      mtls_endpoint_aliases: { token_endpoint: `${tls.origin}/token` },
    };
    svids.x509 = [await tls.svid()];
    await assert.rejects(token(), { code });
  });
}

test("a request under way outlives the SVID it showed, and no other is sent after closing", async (t) => {
  const svids = new FakeSvids();
  const arrived = Promise.withResolvers<() => void>();
  const tls = await startTlsEndpoint(t, (request, response) => {
    const answer = (): void =>
      answering(200, { url: request.url })(response, request);
    if (request.url === "/slow") arrived.resolve(answer);
    else answer();
  });
  svids.x509 = [await tls.svid()];
  const mutualTls = createMutualTls({ svidSource: svids, ca: tls.ca });
  const slow = mutualTls.fetch(`${tls.origin}/slow`, {});
  const answer = await arrived.promise;
  svids.x509 = [await tls.svid()];
  const fast = await mutualTls.fetch(`${tls.origin}/fast`, {
    method: "POST",
    body: new URLSearchParams("a=b"),
  });
  assert.deepEqual(await fast.json(), { url: "/fast" });
  const [old] = tls.sockets;
  assert.ok(old);
  const closed = once(old, "close");
  answer();
  assert.deepEqual(await (await slow).json(), { url: "/slow" });
  await closed;

  const { fetch } = await mutualTls.identity();
  mutualTls.close();
  await assert.rejects(fetch(`${tls.origin}/fast`, {}), /closed/);
  await assert.rejects(mutualTls.fetch(`${tls.origin}/fast`, {}), {
    code: "closed",
  });
});

test("sends forms and texts only", async (t) => {
  const svids = new FakeSvids();
  const tls = await startTlsEndpoint(t, () => undefined);
  svids.x509 = [await tls.svid()];
  const mutualTls = createMutualTls({ svidSource: svids, ca: tls.ca });
  t.after(() => mutualTls.close());
  const body = new Blob(["x"]);
  await assert.rejects(
    mutualTls.fetch(tls.origin, { method: "POST", body }),
    TypeError,
  );
});

test("refuses authorities that are none", () => {
  const svids = new FakeSvids();
  const issuer = "https://as.example";
  for (const ca of [
    "",
    "/etc/ssl/ca.pem",
    "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
  ]) {
    const expected = { name: "TypeError", message: /^ca: / };
    assert.throws(() => createMutualTls({ svidSource: svids, ca }), expected);
    for (const method of ["spiffe_jwt", "spiffe_x509"] as const) {
      assert.throws(
        () => createTokenSource({ issuer, workloadApi: svids, method, ca }),
        expected,
      );
    }
  }
});

test("a server that changes the protocol unasked is an error, and holds no connection", async (t) => {
  const { server, tls, token } = await startMutualTls(t);
  server.always["/token"] = (response) =>
    void response.socket?.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    );
  await assert.rejects(token(), {
    code: "server_unreachable",
    message: /changed the protocol/,
  });
  const [socket] = tls.sockets;
  assert.ok(socket);
  if (!socket.destroyed) await once(socket, "close");
});

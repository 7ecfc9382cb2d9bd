import assert from "node:assert/strict";
import { test } from "node:test";
import { discover } from "@accredit/client";
import { FakeAuthorizationServer } from "./fake-authorization-server.ts";
import { HOSTILE_ANSWERS } from "./hostile-answers.ts";

test("discovers a server, with and without a path in its issuer identifier", async (t) => {
  for (const path of ["", "/tenant"]) {
    const server = await FakeAuthorizationServer.start(t, path);
    const metadata = await discover(server.issuer);
    assert.equal(metadata.issuer, server.issuer);
    assert.equal(metadata.token_endpoint, server.tokenEndpoint);
    assert.deepEqual(metadata["response_types_supported"], []);
  }
});

for (const { name, metadata, code } of [
  {
    name: "another issuer",
    metadata: { issuer: "https://evil.example" },
    code: "issuer_mismatch",
  },
  {
    name: "no issuer",
    metadata: { issuer: undefined },
    code: "issuer_mismatch",
  },
  {
    name: "an issuer that is no text",
    metadata: { issuer: ["x"] },
    code: "issuer_mismatch",
  },
  {
    name: "a plain http token endpoint",
    metadata: { token_endpoint: "http://as.example/token" },
    code: "metadata_invalid",
  },
  {
    name: "a token endpoint that is no URL",
    metadata: { token_endpoint: 7 },
    code: "metadata_invalid",
  },
  {
    name: "user information",
    metadata: { registration_endpoint: "https://u:p@as.example/" },
    code: "metadata_invalid",
  },
  {
    name: "a file",
    metadata: { registration_endpoint: "file:///etc/passwd" },
    code: "metadata_invalid",
  },
  {
    name: "aliases that are no object",
    metadata: { mtls_endpoint_aliases: "x" },
    code: "metadata_invalid",
  },
  {
    name: "a plain http alias",
    metadata: {
      mtls_endpoint_aliases: { token_endpoint: "http://as.example/" },
    },
    code: "metadata_invalid",
  },
]) {
  test(`refuses metadata with ${name}`, async (t) => {
    const server = await FakeAuthorizationServer.start(t);
    server.metadata = metadata;
    await assert.rejects(discover(server.issuer), { code });
  });
}

test("takes the issuer identifier byte for byte", async (t) => {
  const server = await FakeAuthorizationServer.start(t);
  await assert.rejects(discover(`${server.issuer}/`), {
    code: "issuer_mismatch",
    message: new RegExp(`got that of "${server.issuer}"`),
  });
});

for (const host of [
  "127.0.0.1:8443",
  "127.1",
  "0.0.0.0",
  "localhost",
  "LOCALHOST.",
  "x.localhost",
  "[::1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[::127.0.0.1]",
  "[::ffff:0.0.0.0]",
]) {
  test(`no server of another machine sends us to ${host} on this one`, async () => {
    const issuer = "https://as.example";
    for (const scheme of ["http", "https"]) {
      for (const named of [
        { token_endpoint: `${scheme}://${host}/t` },
        { registration_endpoint: `${scheme}://${host}/r` },
        {
          mtls_endpoint_aliases: { token_endpoint: `${scheme}://${host}/m` },
        },
      ]) {
        const fetch = async (): Promise<Response> =>
          Response.json({ issuer, ...named });
        await assert.rejects(discover(issuer, { fetch }), {
          code: "metadata_invalid",
        });
      }
    }
  });
}

test("a server of this machine names others on it, by https where it has that itself", async () => {
  for (const [issuer, endpoint, ok] of [
    ["https://localhost:1", "https://127.0.0.1:2/t", true],
    ["https://localhost:1", "http://127.0.0.1:2/t", false],
    ["https://as.localhost", "https://as.localhost/t", true],
    ["http://localhost:1", "https://127.0.0.1:2/t", true],
    ["http://localhost:1", "http://127.0.0.1:2/t", true],
    ["http://localhost:1", "http://0.0.0.0:2/t", false],
  ] as const) {
    const fetch = async (): Promise<Response> =>
      Response.json({ issuer, token_endpoint: endpoint });
    const call = discover(issuer, { fetch });
    if (ok) assert.equal((await call).token_endpoint, endpoint);
    else await assert.rejects(call, { code: "metadata_invalid" });
  }
});

for (const issuer of [
  "http://as.example",
  "ftp://as.example",
  "as.example",
  "",
  "https://user@as.example",
  "https://as.example/?tenant=1",
  "https://as.example?",
  "https://as.example/#x",
  "http://127.0.0.1.evil.example",
]) {
  test(`sends nothing to the issuer ${JSON.stringify(issuer)}`, async () => {
    const fetch = (): never => assert.fail("sent");
    await assert.rejects(discover(issuer, { fetch }), {
      code: "issuer_invalid",
    });
  });
}

for (const { name, misbehave, code, message, settings } of HOSTILE_ANSWERS) {
  test(`discovery meets ${name}`, async (t) => {
    const server = await FakeAuthorizationServer.start(t);
    server.always["/metadata"] = misbehave;
    await assert.rejects(discover(server.issuer, settings), { code, message });
  });
}

test("ends with the caller's signal, even where fetch does not listen", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const fetch = (): Promise<Response> => {
    controller.abort(reason);
    return new Promise(() => undefined);
  };
  const { signal } = controller;
  const call = discover("https://as.example", { fetch, signal });
  await assert.rejects(call, (error) => error === reason);
});

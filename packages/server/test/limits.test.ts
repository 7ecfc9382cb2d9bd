import assert from "node:assert/strict";
import { test } from "node:test";
import { startServer, WORKLOAD, type RunningServer } from "./running-server.ts";

const MAX_BODY = 64 * 1024;

function post(
  server: RunningServer,
  body: NonNullable<RequestInit["body"]>,
  headers: Record<string, string> = {},
) {
  const init: RequestInit & { duplex: "half" } = {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body,
    duplex: "half",
  };
  return fetch(`${server.url}/register`, init);
}

async function stillServes(server: RunningServer): Promise<void> {
  const response = await post(
    server,
    JSON.stringify({ software_statement: await server.statement() }),
  );
  assert.equal(response.status, 201);
}

test("[SEC-06] [DCR-01] [D02] bodies that are not one strict JSON object get 400 and one audit row", async (t) => {
  const server = await startServer(t);
  const bodies: readonly (readonly [
    string,
    string | Uint8Array<ArrayBuffer>,
  ])[] = [
    ["empty", ""],
    ["not JSON", "software_statement=x"],
    ["half", '{"software_statement":'],
    ["trailing bytes", "{} x"],
    ["an array", "[]"],
    ["a string", '"x"'],
    ["null", "null"],
    ["[P04] duplicate keys", '{"client_name":"a","client_name":"b"}'],
    [
      "duplicate keys, one escaped",
      '{"client_name":"a","client_nam\\u0065":"b"}',
    ],
    ["byte order mark", "\uFEFF{}"],
    [
      "invalid UTF-8",
      new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    ],
    ["depth", '{"a":'.repeat(100) + "1" + "}".repeat(100)],
    ["deep arrays", "[".repeat(60_000)],
    ["a number beyond doubles", '{"a":1e400}'],
    ["a long number", `{"a":${"9".repeat(60_000)}}`],
  ];
  for (const [name, body] of bodies) {
    const response = await post(server, body);
    const text = await response.text();
    assert.equal(response.status, 400, name);
    assert.equal(
      (JSON.parse(text) as { error: string }).error,
      "invalid_request",
      name,
    );
    assert.equal(response.headers.get("cache-control"), "no-store", name);
    assert.ok(text.length < 1024, name);
  }
  const rows = await server.audit();
  assert.equal(rows.length, bodies.length, "one audit row for each");
  await stillServes(server);
});

test("members named like parts of Object are ordinary data", async (t) => {
  const server = await startServer(t);
  const statement = await server.statement();
  const response = await post(
    server,
    `{"__proto__":{"scope":"read","client_name":"x"},"constructor":1,"toString":null,"software_statement":"${statement}"}`,
  );
  assert.equal(response.status, 201);
  const client = (await response.json()) as Record<string, unknown>;
  assert.ok(!("scope" in client) && !("client_name" in client));
});

test("[D01] [SEC-06] a body over the limit gets 413, whether announced or not", async (t) => {
  const server = await startServer(t);
  const large = "x".repeat(MAX_BODY + 1);
  assert.equal((await post(server, large)).status, 413);
  const chunked = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(large));
      controller.close();
    },
  });
  assert.equal((await post(server, chunked)).status, 413);
  const exact = JSON.stringify({ a: "x".repeat(MAX_BODY - 8) });
  assert.equal(exact.length, MAX_BODY);
  assert.equal(
    (await post(server, exact)).status,
    400,
    "at the limit it is read",
  );
  await stillServes(server);
});

test("[DCR-01] [D10] other media types, codings and methods are refused by name", async (t) => {
  const server = await startServer(t);
  for (const [headers, status] of [
    [{ "Content-Type": "text/plain" }, 415],
    [{ "Content-Type": "application/x-www-form-urlencoded" }, 415],
    [{ "Content-Type": "application/json; charset=latin1" }, 415],
    [{ "Content-Encoding": "gzip" }, 415],
    [{ "Content-Type": "application/json; charset=UTF-8" }, 400],
    [{ "Content-Type": "Application/JSON" }, 400],
  ] as const) {
    assert.equal(
      (await post(server, "{}", headers)).status,
      status,
      JSON.stringify(headers),
    );
  }
  for (const [path, allow] of [
    ["/register", "POST"],
    ["/token", "POST"],
    ["/introspect", "POST"],
    ["/revoke", "POST"],
    ["/jwks", "GET, HEAD"],
  ] as const) {
    const method = allow === "POST" ? "GET" : "POST";
    const response = await fetch(server.url + path, { method });
    assert.deepEqual(
      [response.status, response.headers.get("allow")],
      [405, allow],
      path,
    );
  }
  assert.equal((await fetch(`${server.url}/nothing`)).status, 404);
  assert.equal(
    (await fetch(`${server.url}/register/x/y`, { method: "DELETE" })).status,
    404,
  );
});

test("[G01] framing that two parsers could read differently is refused", async (t) => {
  const server = await startServer(t);
  const request = (lines: readonly string[], body = ""): string =>
    [
      `POST /register HTTP/1.1`,
      ...lines,
      "Content-Type: application/json",
      "",
      body,
    ].join("\r\n");
  for (const [name, bytes] of [
    ["two Hosts", request(["Host: a", "Host: b", "Content-Length: 2"], "{}")],
    ["a Host with a space", request(["Host: a b", "Content-Length: 2"], "{}")],
    [
      "an unknown transfer coding",
      request(
        ["Host: a", "Transfer-Encoding: xchunked"],
        "2\r\n{}\r\n0\r\n\r\n",
      ),
    ],
    [
      "both lengths",
      request(
        ["Host: a", "Content-Length: 2", "Transfer-Encoding: chunked"],
        "0\r\n\r\n",
      ),
    ],
    [
      "two Content-Lengths",
      request(["Host: a", "Content-Length: 2", "Content-Length: 3"], "{}"),
    ],
    ["Content-Length abc", request(["Host: a", "Content-Length: abc"], "{}")],
    [
      "absolute form",
      "POST http://a/register HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ["no Host", "POST /register HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"],
  ] as const) {
    assert.match(await server.raw(bytes), /^HTTP\/1\.1 400 /, name);
  }
  assert.match(
    await server.raw(
      `GET /jwks HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(17_000)}\r\n\r\n`,
    ),
    /^HTTP\/1\.1 431 /,
    "[D04] a large header",
  );
  await stillServes(server);
});

test("a client that leaves half-way through its body changes nothing", async (t) => {
  const server = await startServer(t);
  const bytes =
    "POST /register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{";
  await server.raw(bytes, 200);
  assert.equal(await server.store.countClients(), 0);
  await stillServes(server);
});

test("[DCR-TI-01] refusals of every kind leave the client table as it was", async (t) => {
  const server = await startServer(t);
  await stillServes(server);
  const before = await server.store.findClient(WORKLOAD);
  const good = await server.statement();
  for (const body of [
    {},
    { software_statement: [good] },
    { software_statement: `${good}.` },
    { software_statement: await server.statement({ exp: 1 }) },
    {
      software_statement: await server.statement({
        sub: "spiffe://example.org/elsewhere",
      }),
    },
    { software_statement: good, scope: "admin" },
    { software_statement: good, redirect_uris: ["javascript:alert(1)"] },
  ]) {
    const response = await post(server, JSON.stringify(body));
    assert.equal(response.status, 400, JSON.stringify(Object.keys(body)));
  }
  assert.deepEqual(await server.store.findClient(WORKLOAD), before);
  assert.equal(await server.store.countClients(), 1);
});

test("[SEC-06] [DCR-01] a path in another spelling, or a Host that makes no URL, gets a JSON 4xx", async (t) => {
  const server = await startServer(t);
  const target = (method: string, path: string, host = "127.0.0.1") =>
    `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  for (const path of [
    "/%74oken",
    "/./token",
    "/x/../token",
    "/%2e/token",
    "/token#x",
    "/%72egister",
    "/./register",
    "/%69ntrospect",
    "//token",
    "/token/",
  ]) {
    const answer = await server.raw(target("POST", path));
    assert.match(answer, /^HTTP\/1\.1 404 /, path);
    assert.match(answer, /"error":"invalid_request"/, path);
  }
  for (const host of [":80", "a:", "::1", "[", "a:99999"]) {
    const answer = await server.raw(target("GET", "/jwks", host));
    assert.match(answer, /^HTTP\/1\.1 400 /, host);
    assert.match(answer, /"error":"invalid_request"/, host);
  }
  const old = await server.raw("GET /jwks HTTP/1.0\r\n\r\n");
  assert.match(old, /^HTTP\/1\.1 200 /, "HTTP/1.0 needs no Host header");
  await stillServes(server);
});

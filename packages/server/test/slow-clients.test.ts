import assert from "node:assert/strict";
import { test } from "node:test";
import { HTTP_SERVER_LIMITS } from "@accredit/server";
import { startServer } from "./running-server.ts";

test("[D04] slow headers and slow bodies are cut by the HTTP server itself, within a bound", async (t) => {
  // The same server with its times shortened, so that the test need not wait for the real ones.
  const server = await startServer(
    t,
    {},
    {
      ...HTTP_SERVER_LIMITS,
      headersTimeout: 300,
      requestTimeout: 600,
      connectionsCheckingInterval: 50,
    },
  );
  const [headers, body] = await Promise.all([
    server.raw("POST /register HTTP/1.1\r\nHost: a\r\nX-Slow: ", 10_000),
    server.raw(
      "POST /register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
      10_000,
    ),
  ]);
  assert.match(headers, /^HTTP\/1\.1 408 /);
  assert.match(body, /^HTTP\/1\.1 408 /);
  assert.ok(
    HTTP_SERVER_LIMITS.headersTimeout <= 10_000 &&
      HTTP_SERVER_LIMITS.requestTimeout <= 30_000,
  );
});

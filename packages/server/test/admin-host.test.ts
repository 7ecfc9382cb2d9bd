import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createAdminListener } from "../src/admin/admin-app.ts";
import { createMetrics } from "../src/admin/metrics.ts";

test("[C07] the loopback admin listener answers to loopback names and to no other", async (t) => {
  const server = createServer(
    createAdminListener({
      store: { ping: async () => {} },
      trust: () => [],
      metrics: createMetrics(() => []),
      draining: () => false,
      bearerToken: undefined,
      loopbackOnly: true,
    }),
  ).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const statusFor = async (host: string) => {
    const asked = request({ port, path: "/metrics", headers: { host } }).end();
    const [answer] = await once(asked, "response");
    answer.resume();
    return answer.statusCode as number;
  };
  for (const host of [
    "127.0.0.1",
    "127.0.0.2:8701",
    "localhost",
    "LOCALHOST:1",
    "[::1]:8701",
  ]) {
    assert.equal(await statusFor(host), 200, host);
  }
  for (const host of [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.1",
    "128.0.0.1",
  ]) {
    assert.equal(await statusFor(host), 421, host);
  }
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { startAdmin } from "./running-admin.ts";

test("[C07] the loopback admin listener answers to loopback names and to no other", async (t) => {
  const { port } = await startAdmin(t, { bearerToken: undefined });
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

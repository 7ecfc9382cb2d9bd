import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { clientAddressReader } from "../src/http/client-address.ts";
import { startServer } from "./running-server.ts";

/** The caller of a request that comes from a peer with these lines of X-Forwarded-For. */
function callerOf(
  peer: string | undefined,
  ...lines: readonly string[]
): string | null {
  const read = clientAddressReader(["loopback", "10.0.0.0/8", "2001:db8::/32"]);
  return read({
    socket: { remoteAddress: peer },
    rawHeaders: lines.flatMap((line) => ["X-Forwarded-For", line]),
  } as IncomingMessage);
}

for (const [what, peer, lines, caller] of [
  ["a peer that is no proxy", "192.0.2.1", ["198.51.100.1"], "192.0.2.1"],
  ["a peer without an address", undefined, ["198.51.100.1"], null],
  ["a proxy that says nothing", "10.0.0.1", [], "10.0.0.1"],
  ["a proxy", "10.0.0.1", ["198.51.100.1"], "198.51.100.1"],
  [
    "a proxy, by IPv4 on an IPv6 socket",
    "::ffff:10.0.0.1",
    ["198.51.100.1"],
    "198.51.100.1",
  ],
  [
    "what the caller wrote itself",
    "10.0.0.1",
    ["127.0.0.1, 10.0.0.9,  203.0.113.7 ,198.51.100.1"],
    "198.51.100.1",
  ],
  [
    "a chain of proxies",
    "10.0.0.1",
    ["203.0.113.7, 198.51.100.1, 10.0.0.2", "10.0.0.3"],
    "198.51.100.1",
  ],
  [
    "a caller that is a proxy itself",
    "10.0.0.1",
    ["10.0.0.3,10.0.0.2"],
    "10.0.0.3",
  ],
  ["a port", "10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"],
  ["IPv6", "10.0.0.1", ["2001:db9::1"], "2001:db9::1"],
  ["IPv6 with a port", "10.0.0.1", ["[2001:db9::1]:4711"], "2001:db9::1"],
  ["IPv6 in brackets", "2001:db8::5", ["[2001:db9::1]"], "2001:db9::1"],
  ["no address", "10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"],
  [
    "no address behind a second proxy",
    "10.0.0.1",
    ["198.51.100.1, _hidden, 10.0.0.2"],
    "10.0.0.2",
  ],
  ["an empty element", "10.0.0.1", ["198.51.100.1,"], "10.0.0.1"],
  ["a zone", "10.0.0.1", ["fe80::1%eth0"], "10.0.0.1"],
  ["what would break a log line", "10.0.0.1", ['1.2.3.4"\n'], "10.0.0.1"],
] as const) {
  test(`[D11] the caller's address: ${what}`, () => {
    assert.equal(callerOf(peer, ...lines), caller);
  });
}

test("[D11] without trusted proxies no header is asked", () => {
  const read = clientAddressReader([]);
  const request = {
    socket: { remoteAddress: "127.0.0.1" },
    rawHeaders: ["X-Forwarded-For", "198.51.100.1"],
  };
  assert.equal(read(request as IncomingMessage), "127.0.0.1");
});

test("[D05] [D11] behind a trusted proxy each caller has its own limit, and the audit trail says who it was", async (t) => {
  const server = await startServer(t, {
    trustedProxies: ["loopback"],
    limits: {
      registrationsPerMinutePerPrefix: 1_000_000,
      failedAttemptsPerSecondPerAddress: 1,
    },
  });
  const fail = async (caller: string): Promise<number> => {
    const response = await fetch(`${server.url}/register`, {
      method: "POST",
      headers: { "X-Forwarded-For": `203.0.113.1, ${caller}` },
      body: "{",
    });
    await response.body?.cancel();
    return response.status;
  };
  while ((await fail("198.51.100.1")) !== 429);
  assert.equal(await fail("198.51.100.2"), 415);
  const rows = await server.audit();
  assert.deepEqual(
    new Set(rows.map(({ remote }) => remote)),
    new Set(["198.51.100.1", "198.51.100.2"]),
  );
});

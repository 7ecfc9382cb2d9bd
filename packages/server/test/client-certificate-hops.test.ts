import assert from "node:assert/strict";
import { test } from "node:test";
import { isProxyAddress } from "@accredit/server/proxy-addresses";
import { hopFinder } from "../src/http/client-certificate-hops.ts";

for (const [address, peers] of [
  ["loopback", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]],
  ["10.0.0.0/8", ["10.0.0.1", "10.255.255.255", "::ffff:10.1.2.3"]],
  ["192.0.2.7", ["192.0.2.7", "::ffff:192.0.2.7"]],
  ["2001:db8::/32", ["2001:db8::1", "2001:db8:ffff::1"]],
  ["fe80::/10", ["fe80::1%eth0"]],
] as const) {
  test(`[SEC-09] [A17] a hop at ${address} is that and nobody else`, () => {
    assert.ok(isProxyAddress(address));
    const find = hopFinder([{ addresses: [address], header: "xfcc" }]);
    for (const peer of peers) assert.equal(find(peer), "xfcc", peer);
    for (const peer of [
      undefined,
      "",
      "11.0.0.1",
      "192.0.2.8",
      "128.0.0.1",
      "::",
      "::2",
      "::ffff:11.0.0.1",
      "::a00:1",
      "2001:db9::1",
      "fec0::1",
      "localhost",
      "10.0.0.1, 127.0.0.1",
    ])
      assert.equal(find(peer), undefined, peer);
  });
}

test("[SEC-09] the first hop that has the address decides which header counts", () => {
  const find = hopFinder([
    { addresses: ["10.0.0.1"], header: "client_cert" },
    { addresses: ["10.0.0.0/8"], header: "xfcc" },
  ]);
  assert.equal(find("10.0.0.1"), "client_cert");
  assert.equal(find("10.0.0.2"), "xfcc");
});

test("[SEC-09] an address that is none is a mistake of the caller's", () => {
  assert.throws(
    () => hopFinder([{ addresses: ["10.0.0.0/64"], header: "xfcc" }]),
    TypeError,
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressKey, attestedKey } from "../../src/limits/keys.ts";

for (const [remote, key] of [
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::9", "2001:db8:1:2::/64"],
  ["2001:0db8:0001:0002::", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1:2:3:4%eth0", "fe80:0:0:0::/64"],
  [null, "unknown"],
] as const) {
  test(`[D11] the limit of ${remote ?? "a peer that is gone"} is that of ${key}`, () => {
    assert.equal(addressKey(remote), key);
  });
}

test("[D11] a peer that goes from address to address of its /64 stays in its limit", () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.ipV6(), (one, other) => {
      const network = "2001:db8:7:8:";
      const host = (address: string) =>
        network +
        address
          .replace(/[^0-9a-f]/gi, "1")
          .padEnd(4, "1")
          .slice(0, 4);
      assert.equal(
        addressKey(`${host(one)}::`),
        addressKey(`${host(other)}::`),
      );
    }),
  );
});

test("[D07] subjects of one path prefix share a limit; other paths, trust domains and issuers do not", () => {
  const key = (subject: string, trust = "example.org") =>
    attestedKey(trust, subject);
  const one = key("spiffe://example.org/ns/prod/sa/a");
  assert.equal(key("spiffe://example.org/ns/prod/sa/b"), one);
  assert.equal(key("spiffe://example.org/ns/prod/b"), one);
  assert.notEqual(key("spiffe://example.org/ns/test/sa/a"), one);
  assert.notEqual(key("spiffe://example.org/ns/prod/sa/a", "other.org"), one);
  assert.equal(
    key("spiffe://example.org/agent/1"),
    key("spiffe://example.org/agent/2"),
    "the last segment is the workload itself",
  );
  assert.equal(key("spiffe://example.org/1"), key("spiffe://example.org/2"));
  const issuer = "https://issuer.example";
  assert.equal(key("one", issuer), key("urn:x:two/three", issuer));
  assert.equal(
    key(`spiffe://example.org/${"x/".repeat(1000)}y`).length,
    one.length,
  );
});

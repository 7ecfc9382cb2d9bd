import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createWorkloadApiClient,
  parseWorkloadApiAddress,
  workloadApiAddressFromEnvironment,
} from "@accredit/workload-api";
import * as fc from "fast-check";

for (const [text, expected] of [
  ["unix:///run/agent.sock", { kind: "unix", path: "/run/agent.sock" }],
  ["unix:/run/agent.sock", { kind: "unix", path: "/run/agent.sock" }],
  ["unix:///a%20b%25.sock", { kind: "unix", path: "/a b%.sock" }],
  ["tcp://127.0.0.1:8080", { kind: "tcp", host: "127.0.0.1", port: 8080 }],
  ["tcp://[::1]:65535", { kind: "tcp", host: "::1", port: 65_535 }],
] as const) {
  test(`[WAPI-03] reads ${text}`, () => {
    assert.deepEqual(parseWorkloadApiAddress(text), expected);
  });
}

for (const [text, why] of [
  ["", "scheme"],
  ["/run/agent.sock", "scheme"],
  ["http://127.0.0.1:80", "scheme"],
  ["UNIX:///run/agent.sock", "scheme"],
  [" unix:///run/agent.sock", "scheme"],
  ["unix:", "not absolute"],
  ["unix:run/agent.sock", "not absolute"],
  ["unix://run/agent.sock", "names a host"],
  ["unix://localhost/run/agent.sock", "names a host"],
  ["unix:///", "names no socket"],
  ["unix:///run/", "names no socket"],
  ["unix:///run/agent.sock?x=1", "query or a fragment"],
  ["unix:///run/agent.sock#x", "query or a fragment"],
  ["unix:///run/%zz", "percent-encoded"],
  ["unix:///run/%00", "percent-encoded"],
  ["tcp://localhost:8080", "not an IP address"],
  ["tcp://127.1:8080", "not an IP address"],
  ["tcp://[127.0.0.1]:8080", "not an IP address"],
  ["tcp://[fe80::1%25eth0]:8080", "not an IP address"],
  ["tcp://127.0.0.1", "not just an IP and a port"],
  ["tcp://127.0.0.1:8080/", "not just an IP and a port"],
  ["tcp://127.0.0.1:8080?x", "not just an IP and a port"],
  ["tcp://me@127.0.0.1:8080", "not an IP address"],
  ["tcp:127.0.0.1:8080", "not just an IP and a port"],
  ["tcp://127.0.0.1:0", "port"],
  ["tcp://127.0.0.1:65536", "port"],
] as const) {
  test(`[WAPI-03] refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseWorkloadApiAddress(text),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "address_invalid");
        assert.match(error.message, new RegExp(why));
        return true;
      },
    );
  });
}

test("[WAPI-03] any text is either read or refused with a short printable message", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "binary" }).map((rest) => `unix:///${rest}`),
    fc.string().map((rest) => `tcp://${rest}`),
  );
  fc.assert(
    fc.property(text, (address) => {
      try {
        const parsed = parseWorkloadApiAddress(address);
        if (parsed.kind === "unix") assert.match(parsed.path, /^\/[^\0]/);
      } catch (error) {
        assert.ok(error instanceof Error);
        assert.equal(error.name, "WorkloadApiError");
        assert.match(error.message, /^[\x20-\x7e]{1,700}$/);
      }
    }),
  );
});

for (const address of [undefined, ""]) {
  test(`[WAPI-03] without an address (${String(address)}) the error names SPIFFE_ENDPOINT_SOCKET`, () => {
    assert.throws(() => createWorkloadApiClient({ address }), {
      name: "WorkloadApiError",
      code: "address_missing",
      message: /SPIFFE_ENDPOINT_SOCKET/,
    });
  });
}

test("[WAPI-03] the environment's variable is read where the caller passes it", () => {
  const env = { SPIFFE_ENDPOINT_SOCKET: "unix:///run/agent.sock", OTHER: "x" };
  assert.equal(
    workloadApiAddressFromEnvironment(env),
    "unix:///run/agent.sock",
  );
  for (const none of [{}, { SPIFFE_ENDPOINT_SOCKET: "" }]) {
    assert.throws(() => workloadApiAddressFromEnvironment(none), {
      code: "address_missing",
      message: /SPIFFE_ENDPOINT_SOCKET/,
    });
  }
  assert.throws(
    () => workloadApiAddressFromEnvironment({ SPIFFE_ENDPOINT_SOCKET: "/x" }),
    { code: "address_invalid" },
  );
});

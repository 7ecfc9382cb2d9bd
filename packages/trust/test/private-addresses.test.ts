import assert from "node:assert/strict";
import { test } from "node:test";
import {
  fetchDocument,
  SourceError,
  type DocumentRequest,
} from "@accredit/trust";
import { createConnector } from "../src/lib/connector.ts";
import { specialRange } from "../src/lib/public-address.ts";
import { authority, startCanary, startEndpoint } from "./support/harness.ts";

/** The canary listens on 127.0.0.1 alone, so these reach it if they reach anything. */
const LOOPBACK_SPELLINGS = [
  "127.0.0.1",
  "127.1",
  "127.0.1",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "0177.1",
  "017700000001",
  "0",
  "0.0.0.0",
  "127.0.0.1.",
  "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
  "127\u30020\u30020\u30021",
  "%31%32%37.0.0.1",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[0:0:0:0:0:ffff:127.0.0.1]",
  "[::1]",
  "[::]",
  "[::127.0.0.1]",
  "localhost",
  "LOCALHOST",
] as const;

/** Addresses that are on no public network, by what they are. */
const SPECIAL = {
  "this network": ["0.0.0.1", "0.255.255.255"],
  private: ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255"],
  "private, 192.168": ["192.168.0.1", "192.168.255.255"],
  "shared (carrier NAT)": ["100.64.0.1", "100.127.255.255"],
  loopback: ["127.0.0.1", "127.255.255.254", "::1"],
  "link-local, cloud metadata": ["169.254.169.254", "169.254.0.1", "fe80::1"],
  "link-local, end": ["febf::1"],
  "IETF protocols": ["192.0.0.1", "192.0.0.192"],
  documentation: ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"],
  "documentation, 3fff": ["3fff::1"],
  "6to4 relay": ["192.88.99.1"],
  benchmarking: ["198.18.0.1", "198.19.255.255", "2001:2::1"],
  multicast: ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
  reserved: ["240.0.0.1", "255.255.255.254"],
  broadcast: ["255.255.255.255"],
  unspecified: ["0.0.0.0", "::"],
  "unique local": ["fc00::1", "fdff::1", "fd00:ec2::254"],
  "site-local": ["fec0::1"],
  "IPv4-mapped": ["::ffff:10.0.0.1", "::ffff:a00:1", "::ffff:8.8.8.8"],
  "IPv4-compatible": ["::10.0.0.1", "::8.8.8.8"],
  "IPv4-translated": ["::ffff:0:7f00:1"],
  NAT64: ["64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1"],
  "6to4": ["2002:7f00:1::", "2002:a00:1::1"],
  Teredo: ["2001::1", "2001:0:7f00:1::"],
  ORCHID: ["2001:10::1", "2001:20::1"],
  "discard only": ["100::1"],
  "segment routing": ["5f00::1"],
  "outside global unicast": ["4000::1", "1::1", "e000::1"],
  "no address": ["", "bundle.example", "127.1", "1.2.3.4.5", "::g"],
} as const;

const PUBLIC = ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "2a00:1450::1"];

function request(
  url: string,
  change: Partial<DocumentRequest> = {},
): DocumentRequest {
  return {
    url: new URL(url),
    extraCa: authority.pem,
    signal: new AbortController().signal,
    deadlineMs: 2000,
    ...change,
  };
}

async function refused(asked: DocumentRequest): Promise<void> {
  await assert.rejects(fetchDocument(asked), (error) => {
    assert.ok(error instanceof SourceError);
    assert.equal(error.reason, "address_not_public", error.message);
    return true;
  });
}

for (const spelling of LOOPBACK_SPELLINGS) {
  test(`[F01] [SEC-07] does not connect to ${escape(spelling)}`, async (t) => {
    const canary = await startCanary(t);
    await refused(request(`https://${spelling}:${canary.port}/`));
    assert.equal(canary.hits(), 0);
  });
}

function escape(text: string): string {
  return text.replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  );
}

for (const [range, addresses] of Object.entries(SPECIAL)) {
  test(`[F02] [SEC-07] refuses a name that resolves to ${range}`, async (t) => {
    const canary = await startCanary(t);
    const url = `https://bundle.example:${canary.port}/`;
    for (const address of addresses) {
      // Alone, before and behind a public address: one bad address spoils the name.
      for (const list of [
        [address],
        [address, "8.8.8.8"],
        ["8.8.8.8", address],
      ]) {
        await refused(request(url, { resolve: async () => list }));
      }
    }
    assert.equal(canary.hits(), 0);
  });
}

test("[F02] names the range of a refused address, not the address", async () => {
  const asked = request("https://bundle.example/path?token=canary", {
    resolve: async () => ["10.1.2.3"],
  });
  await assert.rejects(fetchDocument(asked), {
    message:
      "expected public addresses only for bundle.example, got one of range private",
  });
});

test("[F02] refuses the same addresses as literals", async () => {
  for (const address of Object.values(SPECIAL).flat()) {
    const host = address.includes(":") ? `[${address}]` : address;
    if (!URL.canParse(`https://${host}/`) || address === "bundle.example") {
      continue;
    }
    await refused(request(`https://${host}/`));
  }
});

test("[F02] lets public addresses pass", () => {
  for (const address of PUBLIC) assert.equal(specialRange(address), undefined);
});

test("[F04] looks again at the address it reached", async (t) => {
  const canary = await startCanary(t);
  const connect = createConnector({
    addresses: ["127.0.0.1"],
    extraCa: undefined,
    signal: new AbortController().signal,
    checkPeer: (address) => {
      throw new SourceError("address_not_public", `got ${address}`);
    },
  });
  const target = {
    hostname: "bundle.example",
    port: String(canary.port),
    protocol: "https:",
  };
  const error = await new Promise<Error | null>((resolve) => {
    connect(target, (...[failure]) => resolve(failure));
  });
  assert.ok(error instanceof SourceError);
  assert.equal(error.message, "got 127.0.0.1");
});

test("[F04] looks a name up once and connects to what it checked", async (t) => {
  const endpoint = await startEndpoint(t, {
    certificate: { names: ["bundle.example"] },
  });
  endpoint.serve("x");
  let lookups = 0;
  const asked = request(`https://bundle.example:${endpoint.port}/`, {
    allowPrivateAddresses: true,
    // A second lookup would be answered with an address where nobody listens.
    resolve: async () => (lookups++ === 0 ? ["127.0.0.1"] : ["127.0.0.2"]),
  });
  assert.equal((await fetchDocument(asked)).length, 1);
  assert.equal(lookups, 1);
});

test("[F04] sees a name that was rebound at its next lookup", async (t) => {
  const canary = await startCanary(t);
  const url = `https://bundle.example:${canary.port}/`;
  await refused(request(url, { resolve: async () => ["127.0.0.1"] }));
  assert.equal(canary.hits(), 0);
});

test("tries the other addresses of a name when one does not answer", async (t) => {
  const endpoint = await startEndpoint(t, {
    certificate: { names: ["bundle.example"] },
  });
  endpoint.serve("x");
  const asked = request(`https://bundle.example:${endpoint.port}/`, {
    allowPrivateAddresses: true,
    resolve: async () => ["127.0.0.2", "127.0.0.1"],
  });
  assert.equal((await fetchDocument(asked)).length, 1);
});

test("reaches private addresses when told that it may", async (t) => {
  const endpoint = await startEndpoint(t);
  endpoint.serve("x");
  const asked = request(endpoint.url, { allowPrivateAddresses: true });
  assert.equal((await fetchDocument(asked)).length, 1);
});

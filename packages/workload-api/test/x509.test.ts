import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { before, test } from "node:test";
import { createWorkloadApiClient } from "@accredit/workload-api";
import { startEndpoint } from "./endpoint.ts";
import type { X509SvidMessage } from "./svids.ts";
import { concatenated, ID, x509Svid } from "./svids.ts";

const CRL = Uint8Array.from([0x30, 1, 9]);
const CA = Uint8Array.from([0x30, 2, 1, 2]);
let good: X509SvidMessage;
let other: X509SvidMessage;
before(async () => {
  good = await x509Svid();
  other = await x509Svid("spiffe://example.org/other", "other");
});

test("[WAPI-04] fetches X.509-SVIDs with key, bundles and CRLs", async (t) => {
  const seen: unknown[] = [];
  const { address } = await startEndpoint(t, {
    async *fetchX509SVID(_request, context) {
      seen.push(
        context.requestHeader.get("workload.spiffe.io"),
        new URL(context.url).pathname,
      );
      yield {
        svids: [good, other],
        crl: [CRL, CRL],
        federatedBundles: { "spiffe://b.example": concatenated([CA, CA]) },
      };
      await once(context.signal, "abort");
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  const context = await client.fetchX509Svid();
  assert.deepEqual(seen, ["true", "/SpiffeWorkloadAPI/FetchX509SVID"]);
  // WAPI-12: the first is the default identity.
  assert.deepEqual(
    context.svids.map(({ spiffeId, hint }) => [spiffeId, hint]),
    [
      [ID, ""],
      ["spiffe://example.org/other", "other"],
    ],
  );
  const [svid] = context.svids;
  assert.equal(svid?.certificates.length, 2);
  assert.deepEqual(concatenated(svid.certificates), good.x509Svid);
  assert.deepEqual(svid.privateKey, good.x509SvidKey);
  assert.deepEqual(svid.bundle, [good.bundle]);
  assert.deepEqual(context.crl, [CRL, CRL]);
  assert.deepEqual(
    [...context.federatedBundles],
    [["spiffe://b.example", [CA, CA]]],
  );
});

test("[WAPI-05] a revocation list may be as large as its message", async (t) => {
  const content = 300 * 1024;
  const crl = new Uint8Array(5 + content);
  crl.set([0x30, 0x83, content >> 16, (content >> 8) & 255, content & 255]);
  const { address } = await startEndpoint(t, {
    async *fetchX509Bundles() {
      yield { crl: [crl], bundles: { "spiffe://a.example": CA } };
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  const { crl: read } = await client.fetchX509Bundles();
  assert.deepEqual(read, [crl]);
});

test("[WAPI-05] [WAPI-13] fetches X.509 bundles, each under its own trust domain", async (t) => {
  const { address } = await startEndpoint(t, {
    async *fetchX509Bundles() {
      yield {
        crl: [CRL],
        bundles: {
          "spiffe://a.example": CA,
          "spiffe://b.example": concatenated([CA, CRL]),
        },
      };
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  assert.deepEqual(await client.fetchX509Bundles(), {
    crl: [CRL],
    bundles: new Map([
      ["spiffe://a.example", [CA]],
      ["spiffe://b.example", [CA, CRL]],
    ]),
  });
});

test("[WAPI-12] of X.509-SVIDs that share a hint the first one counts", async (t) => {
  const { address } = await startEndpoint(t, {
    async *fetchX509SVID() {
      yield { svids: [{ ...good, hint: "other" }, other] };
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  const { svids } = await client.fetchX509Svid();
  assert.deepEqual(
    svids.map(({ spiffeId }) => spiffeId),
    [ID],
  );
});

const NONE = new Uint8Array();
/** A key that fits no certificate, in three encodings. */
const { privateKey: stranger } = generateKeyPairSync("ec", {
  namedCurve: "P-256",
});
const encoded = (type: "pkcs8" | "sec1", passphrase?: string) =>
  new Uint8Array(
    stranger.export({
      type,
      format: "der",
      ...(passphrase === undefined
        ? {}
        : { cipher: "aes-256-cbc", passphrase }),
    }),
  );
for (const { name, change, why } of [
  {
    name: "no SPIFFE ID",
    change: () => ({ spiffeId: "" }),
    why: /lacks spiffe_id/,
  },
  {
    name: "no certificate",
    change: () => ({ x509Svid: NONE }),
    why: /x509_svid of .* is empty/,
  },
  {
    name: "no key",
    change: () => ({ x509SvidKey: NONE }),
    why: /x509_svid_key of .* is empty/,
  },
  {
    name: "no bundle",
    change: () => ({ bundle: NONE }),
    why: /bundle of .* is empty/,
  },
  {
    name: "a hint beyond 1024 bytes",
    change: () => ({ hint: "é".repeat(513) }),
    why: /1024 bytes/,
  },
  {
    name: "a chain that is no DER",
    change: () => ({
      x509Svid: Uint8Array.from(Buffer.from("-----BEGIN CERTIFICATE-----")),
    }),
    why: /expected a DER SEQUENCE/,
  },
  {
    name: "a leaf that is no certificate",
    change: () => ({ x509Svid: CA }),
    why: /cannot be read/,
  },
  {
    name: "an intermediate that is no certificate",
    change: () => ({ x509Svid: concatenated([good.x509Svid, CA]) }),
    why: /cannot be read/,
  },
  {
    name: "a byte after the chain",
    change: () => ({
      x509Svid: concatenated([good.x509Svid, Uint8Array.of(0)]),
    }),
    why: /expected a DER SEQUENCE/,
  },
  {
    name: "a chain of 17",
    change: () => ({
      x509Svid: concatenated(Array.from({ length: 17 }, () => CA)),
    }),
    why: /at most 16/,
  },
  {
    name: "a bundle cut off",
    change: () => ({ bundle: good.bundle.slice(0, -1) }),
    why: /beyond the bytes/,
  },
  {
    name: "another SPIFFE ID than its leaf",
    change: () => ({ spiffeId: "spiffe://example.org/a" }),
    why: /names another SPIFFE ID/,
  },
  {
    name: "an ID that only begins like its leaf's",
    change: () => ({ spiffeId: ID.slice(0, -1) }),
    why: /names another SPIFFE ID/,
  },
  {
    name: "a key of another certificate",
    change: () => ({ x509SvidKey: other.x509SvidKey }),
    why: /is not its leaf's/,
  },
  {
    name: "a key that is SEC 1",
    change: () => ({ x509SvidKey: encoded("sec1") }),
    why: /is not PKCS#8/,
  },
  {
    name: "an encrypted key",
    change: () => ({ x509SvidKey: encoded("pkcs8", "p") }),
    why: /is not PKCS#8/,
  },
  {
    name: "a key that is a certificate",
    change: () => ({ x509SvidKey: good.bundle }),
    why: /is not PKCS#8/,
  },
  {
    name: "two keys",
    change: () => ({
      x509SvidKey: concatenated([good.x509SvidKey, good.x509SvidKey]),
    }),
    why: /at most 1 DER/,
  },
] as const satisfies readonly {
  name: string;
  change: () => Partial<X509SvidMessage>;
  why: RegExp;
}[]) {
  test(`[WAPI-10] refuses an X.509-SVID with ${name}`, async (t) => {
    const { address } = await startEndpoint(t, {
      async *fetchX509SVID() {
        yield { svids: [other, { ...good, ...change() }] };
      },
    });
    const client = createWorkloadApiClient({ address });
    t.after(() => client.close());
    await assert.rejects(client.fetchX509Svid(), {
      code: "response_invalid",
      message: why,
    });
  });
}

for (const { name, rest } of [
  {
    name: "an empty federated bundle",
    rest: { federatedBundles: { "spiffe://b.example": NONE } },
  },
  {
    name: "a federated bundle of no trust domain",
    rest: { federatedBundles: { "": CA } },
  },
  { name: "an empty CRL", rest: { crl: [CRL, NONE] } },
  { name: "two CRLs in one", rest: { crl: [concatenated([CRL, CRL])] } },
] as const) {
  test(`[WAPI-10] refuses a message with ${name}`, async (t) => {
    const { address } = await startEndpoint(t, {
      async *fetchX509SVID() {
        yield { ...rest, crl: [...(rest.crl ?? [])], svids: [good] };
      },
    });
    const client = createWorkloadApiClient({ address });
    t.after(() => client.close());
    await assert.rejects(client.fetchX509Svid(), { code: "response_invalid" });
  });
}

test("[WAPI-10] a bundle that cannot be read is left out where that is asked for, one that is empty discards the message", async (t) => {
  const own = "spiffe://a.example";
  const garbled = "spiffe://b.example";
  const messages = [
    { [own]: CA, [garbled]: Uint8Array.from([0x30, 2, 1]) },
    { [own]: CA, [garbled]: NONE },
    { [garbled]: Uint8Array.from([1]) },
  ];
  const { address } = await startEndpoint(t, {
    async *fetchX509Bundles() {
      for (const bundles of messages) yield { bundles };
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  await assert.rejects(client.fetchX509Bundles(), {
    code: "response_invalid",
    message: /bundle of spiffe:\/\/b\.example: a DER value ends beyond/,
  });
  const discarded: string[] = [];
  const stream = client.watchX509Bundles({
    unreadableBundles: "leave_out",
    onInvalid: ({ message }) => discarded.push(message),
  });
  const states: unknown[] = [];
  await assert.rejects(
    async () => {
      for await (const { bundles, leftOut } of stream)
        states.push([[...bundles.keys()], [...(leftOut?.keys() ?? [])]]);
    },
    { code: "stream_ended" },
  );
  assert.deepEqual(states, [
    [[own], [garbled]],
    [[], [garbled]],
  ]);
  assert.equal(discarded.length, 1);
  assert.match(discarded[0] ?? "", /bundle of spiffe:\/\/b\.example is empty/);
});

test("[WAPI-10] a message without SVIDs or bundles takes everything back", async (t) => {
  const { address } = await startEndpoint(t, {
    async *fetchX509SVID() {
      yield { svids: [], crl: [CRL] };
    },
    async *fetchX509Bundles() {
      yield { crl: [CRL] };
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  await assert.rejects(client.fetchX509Svid(), { code: "redacted" });
  await assert.rejects(client.fetchX509Bundles(), { code: "redacted" });
});

test("[WAPI-10] with onInvalid a stream goes on after a message that is discarded", async (t) => {
  const { address } = await startEndpoint(t, {
    async *fetchX509SVID(_request, context) {
      yield { svids: [{ ...good, bundle: NONE }] };
      yield { svids: [good] };
      yield {};
      yield { svids: [other] };
      await once(context.signal, "abort");
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  const seen: unknown[] = [];
  for await (const { svids } of client.watchX509Svids({
    onInvalid: ({ code }) => seen.push(code),
  })) {
    seen.push(svids[0]?.spiffeId);
    if (svids[0]?.spiffeId !== ID) break;
  }
  assert.deepEqual(seen, [
    "response_invalid",
    ID,
    "redacted",
    "spiffe://example.org/other",
  ]);
});

test("an error about an SVID holds no part of its key", async (t) => {
  const { address } = await startEndpoint(t, {
    async *fetchX509SVID() {
      yield { svids: [{ ...good, x509SvidKey: other.x509SvidKey }] };
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  await assert.rejects(client.fetchX509Svid(), (error: Error) => {
    const key = Buffer.from(other.x509SvidKey);
    for (const text of [
      error.message,
      error.stack ?? "",
      String(error.cause),
    ]) {
      assert.ok(!text.includes(key.toString("base64").slice(-24)));
      assert.ok(!text.includes(key.toString("hex").slice(-24)));
    }
    return true;
  });
});

test("[WAPI-10] a federated bundle that cannot be read is left out where that is asked for, and the SVIDs are there", async (t) => {
  const own = { ...good, bundle: Uint8Array.from([0x30, 2, 1]) };
  const messages = [
    { svids: [good], federatedBundles: {} },
    {
      svids: [good],
      federatedBundles: {
        "spiffe://b.example": Uint8Array.from([0x30, 2, 1]),
        "spiffe://c.example": CA,
      },
    },
    { svids: [own], federatedBundles: {} },
    { svids: [good], federatedBundles: { "spiffe://b.example": NONE } },
  ];
  const { address } = await startEndpoint(t, {
    async *fetchX509SVID() {
      for (const message of messages) yield { ...message, crl: [] };
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  const watch = async (unreadableBundles?: "leave_out") => {
    const discarded: string[] = [];
    const states: unknown[] = [];
    const stream = client.watchX509Svids({
      unreadableBundles,
      onInvalid: ({ message }) => discarded.push(message),
    });
    await assert.rejects(
      async () => {
        for await (const { svids, federatedBundles, leftOut } of stream)
          states.push([
            svids.length,
            [...federatedBundles.keys()],
            [...(leftOut?.keys() ?? [])],
          ]);
      },
      { code: "stream_ended" },
    );
    return { states, discarded };
  };
  const strict = await watch();
  assert.deepEqual(strict.states, [[1, [], []]]);
  assert.equal(strict.discarded.length, 3);
  const lenient = await watch("leave_out");
  assert.deepEqual(lenient.states, [
    [1, [], []],
    [1, ["spiffe://c.example"], ["spiffe://b.example"]],
  ]);
  assert.equal(lenient.discarded.length, 2);
});

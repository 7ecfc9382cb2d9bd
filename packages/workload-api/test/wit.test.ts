import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorkloadApiClient } from "@accredit/workload-api";
import { startEndpoint } from "./endpoint.ts";
import { ID, witSvid } from "./svids.ts";

test("[WAPI-09] fetches WIT-SVIDs with their keys, and WIT bundles", async (t) => {
  const asked: string[] = [];
  const { key, ...svid } = witSvid();
  const { address } = await startEndpoint(t, {
    async *fetchWITSVID({ spiffeId }) {
      asked.push(spiffeId);
      yield { svids: [svid] };
    },
    async *fetchWITBundles() {
      yield { bundles: { "spiffe://example.org": '{"keys":[]}' } };
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  const expected = [
    { spiffeId: ID, svid: svid.witSvid, privateKey: key, hint: "" },
  ];
  assert.deepEqual(await client.fetchWitSvid(), expected);
  assert.deepEqual(await client.fetchWitSvid({ spiffeId: ID }), expected);
  assert.deepEqual(asked, ["", ID]);
  assert.deepEqual(
    await client.fetchWitBundles(),
    new Map([["spiffe://example.org", '{"keys":[]}']]),
  );
  await assert.rejects(
    client.fetchWitSvid({ spiffeId: "spiffe://example.org/other" }),
    { code: "response_invalid", message: /expected spiffe:.*other, got/ },
  );
});

test("[WAPI-09] an endpoint without the WIT profile says unimplemented", async (t) => {
  const { address } = await startEndpoint(t, {});
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  await assert.rejects(client.fetchWitSvid(), { code: "unimplemented" });
  await assert.rejects(client.fetchWitBundles(), { code: "unimplemented" });
});

const { key: _key, ...good } = witSvid();
for (const { name, change, why } of [
  { name: "no SPIFFE ID", change: { spiffeId: "" }, why: /lacks spiffe_id/ },
  { name: "no token", change: { witSvid: "" }, why: /lacks wit_svid/ },
  { name: "no key", change: { witSvidKey: "" }, why: /lacks wit_svid_key/ },
  {
    name: "another token's key",
    change: { witSvidKey: witSvid().witSvidKey },
    why: /not the one/,
  },
  {
    name: "a key that is no JSON",
    change: { witSvidKey: "{" },
    why: /not the one/,
  },
  {
    name: "a key that is no object",
    change: { witSvidKey: "[]" },
    why: /not the one/,
  },
  {
    name: "a key that is no JWK",
    change: { witSvidKey: "{}" },
    why: /not the one/,
  },
  {
    name: "a token that is none",
    change: { witSvid: "x" },
    why: /not the one/,
  },
  {
    name: "a token without cnf",
    change: { witSvid: witSvid(null).witSvid },
    why: /not the one/,
  },
  {
    name: "a cnf that is no object",
    change: { witSvid: witSvid("x").witSvid },
    why: /not the one/,
  },
  {
    name: "a cnf without jwk",
    change: { witSvid: witSvid({ kid: "1" }).witSvid },
    why: /not the one/,
  },
  {
    name: "a cnf that names no key",
    change: { witSvid: witSvid({ jwk: {} }).witSvid },
    why: /not the one/,
  },
] as const) {
  test(`[WAPI-10] refuses a WIT-SVID with ${name}`, async (t) => {
    const { address } = await startEndpoint(t, {
      async *fetchWITSVID() {
        yield { svids: [{ ...good, ...change }] };
      },
    });
    const client = createWorkloadApiClient({ address });
    t.after(() => client.close());
    await assert.rejects(
      client.fetchWitSvid(),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "response_invalid");
        assert.match(error.message, why);
        return true;
      },
    );
  });
}

test("[WAPI-09] [WAPI-10] a WIT message with nothing takes everything back", async (t) => {
  const { address } = await startEndpoint(t, {
    async *fetchWITSVID() {
      yield {};
    },
    async *fetchWITBundles() {
      yield {};
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  await assert.rejects(client.fetchWitSvid(), { code: "redacted" });
  await assert.rejects(client.fetchWitBundles(), { code: "redacted" });
});

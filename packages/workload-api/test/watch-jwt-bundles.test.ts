import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createWorkloadApiClient } from "@accredit/workload-api";
import { Code, ConnectError } from "@connectrpc/connect";
import { startEndpoint } from "./endpoint.ts";

const TRUST_DOMAIN = "spiffe://example.org";
const bundles = (text: string): { bundles: Record<string, Uint8Array> } => ({
  bundles: { [TRUST_DOMAIN]: Buffer.from(text) },
});

test("[WAPI-07] [WAPI-10] each message is the whole state, in order", async (t) => {
  const { address } = await startEndpoint(t, {
    async *fetchJWTBundles(_request, context) {
      yield {
        bundles: {
          "spiffe://a.example": Buffer.from("a"),
          "spiffe://b.example": Buffer.from("b"),
        },
      };
      yield { bundles: { "spiffe://b.example": Buffer.from("b2") } };
      await once(context.signal, "abort");
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  const seen: unknown[] = [];
  for await (const state of client.watchJwtBundles()) {
    seen.push(
      [...state].map(([id, jwks]) => [id, Buffer.from(jwks).toString()]),
    );
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, [
    [
      ["spiffe://a.example", "a"],
      ["spiffe://b.example", "b"],
    ],
    [["spiffe://b.example", "b2"]],
  ]);
});

test("leaving the loop ends the stream at the endpoint", async (t) => {
  const ended = Promise.withResolvers<void>();
  const { address } = await startEndpoint(t, {
    async *fetchJWTBundles(_request, context) {
      context.signal.addEventListener("abort", () => ended.resolve());
      yield bundles("1");
      await ended.promise;
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  for await (const state of client.watchJwtBundles()) {
    assert.equal(state.size, 1);
    break;
  }
  await ended.promise;
});

for (const how of ["the signal", "close()", "the client's signal"] as const) {
  test(`${how} ends the iteration without an error`, async (t) => {
    const { address } = await startEndpoint(t, {
      async *fetchJWTBundles(_request, context) {
        yield bundles("1");
        await once(context.signal, "abort");
      },
    });
    const call = new AbortController();
    const whole = new AbortController();
    const client = createWorkloadApiClient({ address, signal: whole.signal });
    t.after(() => client.close());
    let count = 0;
    for await (const state of client.watchJwtBundles({ signal: call.signal })) {
      count += state.size;
      if (how === "the signal") call.abort();
      else if (how === "close()") client.close();
      else whole.abort();
    }
    assert.equal(count, 1);
  });
}

for (const [name, message, code] of [
  ["no bundle", { bundles: {} }, "redacted"],
  [
    "an empty bundle",
    { bundles: { [TRUST_DOMAIN]: new Uint8Array() } },
    "response_invalid",
  ],
  [
    "a bundle of no trust domain",
    { bundles: { "": Buffer.from("x") } },
    "response_invalid",
  ],
] as const) {
  test(`[WAPI-10] a message with ${name} is reported and not given out`, async (t) => {
    const { address } = await startEndpoint(t, {
      async *fetchJWTBundles(_request, context) {
        yield bundles("1");
        yield message;
        await once(context.signal, "abort");
      },
    });
    const client = createWorkloadApiClient({ address });
    t.after(() => client.close());
    const states = client.watchJwtBundles()[Symbol.asyncIterator]();
    assert.equal((await states.next()).done, false);
    await assert.rejects(states.next(), { code });
    assert.equal((await states.next()).done, true);
  });
}

test("[WAPI-11] a stream that the endpoint ends is an error to come back from", async (t) => {
  const { address } = await startEndpoint(t, {
    async *fetchJWTBundles() {
      yield bundles("1");
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  const states = client.watchJwtBundles()[Symbol.asyncIterator]();
  assert.equal((await states.next()).done, false);
  await assert.rejects(states.next(), {
    code: "stream_ended",
    message: /ended the stream/,
  });
});

for (const [status, code] of [
  [Code.PermissionDenied, "no_identity"],
  [Code.InvalidArgument, "invalid_argument"],
  [Code.Unimplemented, "unimplemented"],
] as const) {
  test(`[WAPI-11] status ${Code[status]} on the stream becomes ${code}`, async (t) => {
    const { address } = await startEndpoint(t, {
      fetchJWTBundles() {
        throw new ConnectError("no", status);
      },
    });
    const client = createWorkloadApiClient({ address });
    t.after(() => client.close());
    const states = client.watchJwtBundles()[Symbol.asyncIterator]();
    await assert.rejects(states.next(), { code });
  });
}

test("a stream that never begins is left at the deadline", async (t) => {
  const { address } = await startEndpoint(t, {
    async *fetchJWTBundles(_request, context) {
      await once(context.signal, "abort");
      yield bundles("too late");
    },
  });
  const client = createWorkloadApiClient({ address, deadlineMs: 50 });
  t.after(() => client.close());
  const states = client.watchJwtBundles()[Symbol.asyncIterator]();
  await assert.rejects(states.next(), { code: "deadline_exceeded" });
});

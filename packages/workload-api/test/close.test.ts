import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createWorkloadApiClient } from "@accredit/workload-api";
import { startEndpoint } from "./endpoint.ts";

const AUDIENCE = ["a"];
const SVID = { spiffeId: "spiffe://example.org/a", svid: "a.b.c" };

/** What keeps a process alive, of the kinds that a client could leave behind. */
function openHandles(): readonly string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => /Timeout|TCP|ConnectWrap/.test(kind))
    .sort();
}

test("close ends the connection; nothing is left behind", async (t) => {
  const { address, sessions } = await startEndpoint(
    t,
    {
      fetchJWTSVID: () => ({ svids: [SVID] }),
      async *fetchJWTBundles(_request, context) {
        yield { bundles: { "spiffe://example.org": Buffer.from("{}") } };
        await once(context.signal, "abort");
      },
    },
    "tcp",
  );
  const before = openHandles();
  const client = createWorkloadApiClient({ address });
  await client.fetchJwtSvid({ audience: AUDIENCE });
  const states = client.watchJwtBundles()[Symbol.asyncIterator]();
  await states.next();

  const [session] = sessions;
  assert.ok(session !== undefined && sessions.size === 1);
  const gone = new Promise<void>((resolve) => session.on("close", resolve));
  client.close();
  client.close();
  assert.equal((await states.next()).done, true);
  await gone;
  // The client's half of the socket is destroyed in the same turn or the one after.
  await new Promise(setImmediate);
  assert.deepEqual(openHandles(), before);
});

test("a closed client refuses calls, and stays closed", async () => {
  const client = createWorkloadApiClient({ address: "unix:///nowhere/a.sock" });
  client.close();
  await assert.rejects(client.fetchJwtSvid({ audience: AUDIENCE }), {
    code: "aborted",
    message: /closed/,
  });
  const states = client.watchJwtBundles()[Symbol.asyncIterator]();
  assert.equal((await states.next()).done, true);
});

test("a client made with an aborted signal is closed", async () => {
  const client = createWorkloadApiClient({
    address: "unix:///nowhere/a.sock",
    signal: AbortSignal.abort(),
  });
  await assert.rejects(client.fetchJwtSvid({ audience: AUDIENCE }), {
    code: "aborted",
  });
});

for (const when of ["at once", "in mid-call"] as const) {
  for (const how of ["the call's signal", "close()"] as const) {
    test(`${how} ${when} ends a fetch with aborted`, async (t) => {
      const called = Promise.withResolvers<void>();
      const { address } = await startEndpoint(t, {
        async fetchJWTSVID(_request, context) {
          called.resolve();
          await once(context.signal, "abort");
          return {};
        },
      });
      const client = createWorkloadApiClient({ address });
      t.after(() => client.close());
      const call = new AbortController();
      const fetched = client.fetchJwtSvid({
        audience: AUDIENCE,
        signal: call.signal,
      });
      const refused = assert.rejects(fetched, { code: "aborted" });
      if (when === "in mid-call") await called.promise;
      if (how === "close()") client.close();
      else call.abort();
      await refused;
    });
  }
}

test("a call with an aborted signal does not connect", async (t) => {
  const { address, sessions } = await startEndpoint(t, {});
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  await assert.rejects(
    client.fetchJwtSvid({ audience: AUDIENCE, signal: AbortSignal.abort() }),
    { code: "aborted", message: /the call was aborted/ },
  );
  assert.equal(sessions.size, 0);
});

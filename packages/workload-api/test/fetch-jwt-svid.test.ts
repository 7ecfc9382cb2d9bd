import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { createWorkloadApiClient } from "@accredit/workload-api";
import type { WorkloadApiClient } from "@accredit/workload-api";
import { Code, ConnectError } from "@connectrpc/connect";
import * as fc from "fast-check";
import { startEndpoint, temporaryDirectory } from "./endpoint.ts";

const AUDIENCE = ["https://as.example/register"];
const ID = "spiffe://example.org/agent";
const SVID = { spiffeId: ID, svid: "header.payload.signature", hint: "" };

function open(
  t: TestContext,
  address: string,
  deadlineMs?: number,
): WorkloadApiClient {
  const client = createWorkloadApiClient({ address, deadlineMs });
  t.after(() => client.close());
  return client;
}

for (const listen of ["unix", "tcp"] as const) {
  test(`[WAPI-01] [WAPI-02] [WAPI-06] fetches over ${listen}, with the security metadata`, async (t) => {
    const seen: unknown[] = [];
    const { address } = await startEndpoint(
      t,
      {
        fetchJWTSVID(request, context) {
          seen.push([
            context.requestHeader.get("workload.spiffe.io"),
            request.audience,
            request.spiffeId,
            new URL(context.url).pathname,
          ]);
          return { svids: [SVID] };
        },
      },
      listen,
    );
    const client = open(t, address);
    assert.equal(client.address, address);
    assert.deepEqual(await client.fetchJwtSvid({ audience: ["a", "b"] }), [
      SVID,
    ]);
    await client.fetchJwtSvid({ audience: ["a"], spiffeId: ID });
    const path = "/SpiffeWorkloadAPI/FetchJWTSVID";
    assert.deepEqual(seen, [
      ["true", ["a", "b"], "", path],
      ["true", ["a"], ID, path],
    ]);
  });
}

for (const { name, svids, why } of [
  { name: "no SVID", svids: [], why: /no JWT-SVID/ },
  {
    name: "an SVID without an ID",
    svids: [SVID, { ...SVID, spiffeId: "" }],
    why: /lacks spiffe_id/,
  },
  {
    name: "an SVID without a token",
    svids: [SVID, { ...SVID, svid: "" }],
    why: /lacks svid/,
  },
  {
    name: "another identity than the one asked for",
    svids: [{ ...SVID, spiffeId: "spiffe://example.org/other" }],
    why: /expected spiffe:\/\/example.org\/agent, got spiffe:\/\/example.org\/other/,
  },
  {
    name: "a hint beyond 1024 bytes",
    svids: [{ ...SVID, hint: "h".repeat(1025) }],
    why: /1024 bytes/,
  },
] as const) {
  test(`[WAPI-10] refuses an answer with ${name}`, async (t) => {
    const { address } = await startEndpoint(t, {
      fetchJWTSVID: () => ({ svids: [...svids] }),
    });
    await assert.rejects(
      open(t, address).fetchJwtSvid({ audience: AUDIENCE, spiffeId: ID }),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "response_invalid");
        assert.match(error.message, why);
        assert.doesNotMatch(error.message, /signature/);
        return true;
      },
    );
  });
}

test("[WAPI-12] of SVIDs that share a hint the first one counts", async (t) => {
  const svid = (hint: string, token: string) => ({
    spiffeId: ID,
    hint,
    svid: token,
  });
  const { address } = await startEndpoint(t, {
    fetchJWTSVID: () => ({
      svids: [
        svid("in", "1"),
        svid("", "2"),
        svid("in", "3"),
        svid("", "4"),
        svid("out", "5"),
      ],
    }),
  });
  const svids = await open(t, address).fetchJwtSvid({ audience: AUDIENCE });
  assert.deepEqual(
    svids.map((one) => one.svid),
    ["1", "2", "4", "5"],
  );
});

for (const audience of [[], [""], ["a", ""]]) {
  test(`[WAPI-06] audience ${JSON.stringify(audience)} is the caller's mistake`, async (t) => {
    const client = open(t, "unix:///nowhere/agent.sock");
    await assert.rejects(client.fetchJwtSvid({ audience }), TypeError);
  });
}

for (const [status, code] of [
  [Code.PermissionDenied, "no_identity"],
  [Code.InvalidArgument, "invalid_argument"],
  [Code.Unimplemented, "unimplemented"],
  [Code.Unavailable, "unreachable"],
  [Code.DeadlineExceeded, "deadline_exceeded"],
  [Code.Internal, "failed"],
  [Code.ResourceExhausted, "failed"],
] as const) {
  test(`[WAPI-11] gRPC status ${Code[status]} becomes ${code}`, async (t) => {
    const { address } = await startEndpoint(t, {
      fetchJWTSVID() {
        throw new ConnectError("as it is\u202e", status);
      },
    });
    await assert.rejects(
      open(t, address).fetchJwtSvid({ audience: AUDIENCE }),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, code);
        assert.match(error.message, /as it is\\u202e/);
        assert.ok(error.message.includes(address));
        return true;
      },
    );
  });
}

test("[WAPI-09] a call that the endpoint lacks is unimplemented", async (t) => {
  const { address } = await startEndpoint(t, {});
  await assert.rejects(open(t, address).fetchJwtSvid({ audience: AUDIENCE }), {
    code: "unimplemented",
  });
});

test("whatever the endpoint says, the message stays short and printable", async (t) => {
  let said = "";
  const { address } = await startEndpoint(t, {
    fetchJWTSVID() {
      throw new ConnectError(said, Code.PermissionDenied);
    },
  });
  const client = open(t, address);
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "grapheme", maxLength: 400 }),
      async (text) => {
        said = text;
        await assert.rejects(
          client.fetchJwtSvid({ audience: AUDIENCE }),
          /^WorkloadApiError: [\x20-\x7e]{1,2000}$/,
        );
      },
    ),
    { numRuns: 25 },
  );
});

test("a socket that does not exist is unreachable, and the message says what to look at", async (t) => {
  const directory = await temporaryDirectory(t);
  const client = open(t, `unix://${directory}/agent.sock`);
  await assert.rejects(client.fetchJwtSvid({ audience: AUDIENCE }), {
    code: "unreachable",
    message: /does not exist; is the agent running/,
  });
});

test("a port that nobody listens on is unreachable", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  await assert.rejects(
    open(t, `tcp://127.0.0.1:${port}`).fetchJwtSvid({ audience: AUDIENCE }),
    { code: "unreachable", message: /ECONNREFUSED/ },
  );
});

test("an endpoint that answers too late is left", async (t) => {
  const { address } = await startEndpoint(t, {
    async fetchJWTSVID(_request, context) {
      await once(context.signal, "abort");
      return { svids: [] };
    },
  });
  await assert.rejects(
    open(t, address, 50).fetchJwtSvid({ audience: AUDIENCE }),
    { code: "deadline_exceeded" },
  );
});

test("a peer that does not speak HTTP/2 is left at the deadline, or found out before", async (t) => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    t.after(() => socket.destroy());
  });
  const path = `${await temporaryDirectory(t)}/agent.sock`;
  server.listen(path);
  await once(server, "listening");
  t.after(() => server.close());
  await assert.rejects(
    open(t, `unix://${path}`, 50).fetchJwtSvid({ audience: AUDIENCE }),
    { code: "deadline_exceeded" },
  );
});

test("an endpoint that dies in mid-call is unreachable, and reachable once it is back", async (t) => {
  let calls = 0;
  const { address, sessions } = await startEndpoint(t, {
    async fetchJWTSVID(_request, context) {
      calls += 1;
      if (calls === 1) {
        for (const session of sessions) session.destroy();
        await once(context.signal, "abort");
      }
      return { svids: [SVID] };
    },
  });
  const client = open(t, address);
  await assert.rejects(client.fetchJwtSvid({ audience: AUDIENCE }), {
    code: "unreachable",
  });
  assert.deepEqual(await client.fetchJwtSvid({ audience: AUDIENCE }), [SVID]);
});

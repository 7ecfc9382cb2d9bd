import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import {
  constants,
  createServer as createHttp2Server,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import {
  createWorkloadApiClient,
  createX509Source,
} from "@accredit/workload-api";
import { startEndpoint, temporaryDirectory } from "./endpoint.ts";

const AUDIENCE = ["a"];

/** Has a server listen until the test is over; gives its Workload API address. */
async function listen(
  t: TestContext,
  server: Server,
  over: "tcp" | "unix",
): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => undefined);
    sockets.add(socket);
  });
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  if (over === "unix") {
    const path = `${await temporaryDirectory(t)}/agent.sock`;
    server.listen(path);
    await once(server, "listening");
    return `unix://${path}`;
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
// An uncaught error, or a rejection that nobody handles, would end the test process and fail the file.
for (const { name, server, code } of [
  {
    name: "speaks HTTP/1",
    server: () => createHttpServer((_, response) => response.end("hello")),
    code: "unreachable",
  },
  {
    name: "closes at once",
    server: () => createServer((socket) => socket.end()),
    code: "unreachable",
  },
  {
    name: "resets the connection",
    server: () =>
      createServer((socket) => {
        // Only TCP has a reset.
        if (socket.remoteFamily === undefined) socket.destroy();
        else socket.resetAndDestroy();
      }),
    code: "unreachable",
  },
  {
    name: "sends garbage and goes on",
    server: () => createServer((socket) => socket.write(Buffer.alloc(99, 7))),
    code: "unreachable",
  },
  {
    name: "sends garbage and closes",
    server: () => createServer((socket) => socket.end("garbage")),
    code: "unreachable",
  },
  {
    name: "answers like an SSH server",
    server: () => createServer((socket) => socket.write("SSH-2.0-x\r\n")),
    code: "unreachable",
  },
  {
    name: "begins HTTP/2 and then sends garbage",
    server: () =>
      createServer((socket) => {
        socket.write(EMPTY_SETTINGS);
        socket.once("data", () => socket.write(Buffer.alloc(99, 0xff)));
      }),
    code: /^(?:unreachable|failed)$/,
  },
  {
    name: "begins HTTP/2 and then closes",
    server: () =>
      createServer((socket) => {
        socket.write(EMPTY_SETTINGS);
        socket.once("data", () => socket.end());
      }),
    code: "unreachable",
  },
  {
    name: "accepts and says nothing",
    server: () => createServer(() => undefined),
    code: "deadline_exceeded",
  },
  {
    name: "begins HTTP/2 and then says nothing",
    server: () => createServer((socket) => socket.write(EMPTY_SETTINGS)),
    code: "deadline_exceeded",
  },
  {
    name: "speaks HTTP/2 but not gRPC",
    server: () =>
      createHttp2Server((_, response) => {
        response.setHeader("content-type", "text/html");
        response.end("<p>hello");
      }),
    code: "failed",
  },
  {
    name: "says 404 to everything",
    server: () =>
      createHttp2Server((_, response) => {
        response.writeHead(404);
        response.end();
      }),
    code: "unimplemented",
  },
  {
    name: "says 503 to everything",
    server: () =>
      createHttp2Server((_, response) => {
        response.writeHead(503);
        response.end();
      }),
    code: "unreachable",
  },
] as const) {
  for (const over of ["tcp", "unix"] as const) {
    test(`over ${over}, a peer that ${name} is an error and no crash`, async (t) => {
      const address = await listen(t, server(), over);
      const silent = code === "deadline_exceeded";
      const client = createWorkloadApiClient({
        address,
        ...(silent ? { deadlineMs: 50 } : {}),
      });
      t.after(() => client.close());
      const refused = (error: Error & { code?: string }): true => {
        assert.equal(error.name, "WorkloadApiError");
        assert.match(error.code ?? "", new RegExp(code));
        return true;
      };
      // Twice: the second call must not meet what the first one left behind.
      for (let call = 1; call <= 2; call += 1) {
        await assert.rejects(
          client.fetchJwtSvid({ audience: AUDIENCE }),
          refused,
        );
      }
      await assert.rejects(client.fetchX509Svid(), refused);
      // What a broken connection still has to say comes in the turns that follow.
      for (let turn = 0; turn < 5; turn += 1) {
        await new Promise(setImmediate);
      }
    });
  }
}

test("two calls at once to a peer that speaks HTTP/1 both fail, and close() afterwards is quiet", async (t) => {
  const address = await listen(
    t,
    createHttpServer((_, response) => response.end()),
    "tcp",
  );
  const client = createWorkloadApiClient({ address });
  const calls = [
    client.fetchJwtSvid({ audience: AUDIENCE }),
    client.fetchJwtBundles(),
  ];
  for (const call of calls) {
    await assert.rejects(call, { code: "unreachable" });
  }
  client.close();
  await assert.rejects(client.fetchX509Svid(), { code: "aborted" });
});

test("close() while connecting to a silent peer is quiet", async (t) => {
  const address = await listen(
    t,
    createServer(() => undefined),
    "tcp",
  );
  const client = createWorkloadApiClient({ address });
  const call = client.fetchJwtSvid({ audience: AUDIENCE });
  client.close();
  await assert.rejects(call, { code: "aborted" });
  await new Promise(setImmediate);
});

test("[WAPI-11] a peer that takes its leave gets no new call, and is called anew", async (t) => {
  const svid = { spiffeId: "spiffe://example.org/a", svid: "a.b.c", hint: "" };
  const { address, sessions } = await startEndpoint(t, {
    fetchJWTSVID: () => ({ svids: [svid] }),
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  for (let call = 1; call <= 3; call += 1) {
    assert.deepEqual(await client.fetchJwtSvid({ audience: AUDIENCE }), [svid]);
    const [session] = sessions;
    assert.ok(session !== undefined);
    const gone = once(session, "close");
    session.goaway();
    session.close();
    await gone;
  }
});

for (const { name, bytes, ok } of [
  { name: "4 MiB", bytes: 4 * 1024 * 1024, ok: true },
  { name: "a byte more than 4 MiB", bytes: 4 * 1024 * 1024 + 1, ok: false },
]) {
  test(`a message of ${name} is ${ok ? "read" : "refused"}, and the connection goes on`, async (t) => {
    // The map entry around the bundle: tag and length of entry, key and value.
    const id = "spiffe://example.org";
    const overhead = 1 + 4 + (2 + id.length) + (1 + 4);
    const bundle = new Uint8Array(bytes - overhead).fill(0x20);
    const { address, sessions } = await startEndpoint(t, {
      async *fetchJWTBundles(_request, context) {
        yield { bundles: { [id]: bundle } };
        await once(context.signal, "abort");
      },
      async *fetchWITBundles() {
        yield { bundles: { [id]: "{}" } };
      },
    });
    const client = createWorkloadApiClient({ address });
    t.after(() => client.close());
    if (ok) {
      const bundles = await client.fetchJwtBundles();
      assert.equal(bundles.get(id)?.length, bundle.length);
    } else {
      await assert.rejects(client.fetchJwtBundles(), { code: "failed" });
    }
    assert.equal((await client.fetchWitBundles()).get(id), "{}");
    assert.equal(sessions.size, 1);
  });
}

test("two streams share a connection, and leaving one leaves the other", async (t) => {
  const left = Promise.withResolvers<void>();
  const { address, sessions } = await startEndpoint(t, {
    async *fetchJWTBundles(_request, context) {
      context.signal.addEventListener("abort", () => left.resolve());
      yield { bundles: { "spiffe://a.example": Uint8Array.of(1) } };
      await left.promise;
    },
    async *fetchWITBundles() {
      yield { bundles: { "spiffe://a.example": "1" } };
      await left.promise;
      yield { bundles: { "spiffe://a.example": "2" } };
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  const stop = new AbortController();
  const { signal } = stop;
  const jwt = client.watchJwtBundles({ signal })[Symbol.asyncIterator]();
  const wit = client.watchWitBundles()[Symbol.asyncIterator]();
  await Promise.all([jwt.next(), wit.next()]);
  assert.equal(sessions.size, 1);
  const next = jwt.next();
  stop.abort();
  assert.equal((await next).done, true);
  await left.promise;
  const { value } = await wit.next();
  assert.ok(value !== undefined);
  assert.equal(value.get("spiffe://a.example"), "2");
});

const GRPC = { ":status": 200, "content-type": "application/grpc+proto" };
// Five octets of a message that is said to have a hundred.
const HALF_A_MESSAGE = Buffer.from([0, 0, 0, 0, 100, 1, 2]);

for (const [name, leave] of [
  ["ends the stream", (stream: ServerHttp2Stream) => stream.end()],
  [
    "resets it without an error",
    (stream: ServerHttp2Stream) => stream.close(constants.NGHTTP2_NO_ERROR),
  ],
  ["takes its leave", (stream: ServerHttp2Stream) => stream.session?.destroy()],
] as const) {
  test(`[WAPI-11] a peer that ${name} in the middle of a message has not refused it, and is asked again`, async (t) => {
    const server = createHttp2Server();
    server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      stream.respond(GRPC);
      stream.write(HALF_A_MESSAGE, () => leave(stream));
    });
    const address = await listen(t, server, "unix");
    const seen: string[] = [];
    const source = createX509Source({
      address,
      clock: { now: () => 0, sleep: () => new Promise(setImmediate) },
      onError: ({ code }) => seen.push(code),
    });
    t.after(() => source.close());
    while (seen.length < 2) await new Promise(setImmediate);
    assert.deepEqual(new Set(seen), new Set(["unreachable"]));
  });
}

test("a call that is under way when the peer takes its leave fails at once", async (t) => {
  const server = createHttp2Server();
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.session?.destroy();
  });
  const address = await listen(t, server, "unix");
  // Far beyond the patience of a test.
  const client = createWorkloadApiClient({ address, deadlineMs: 600_000 });
  t.after(() => client.close());
  await assert.rejects(client.fetchJwtSvid({ audience: AUDIENCE }), {
    code: "unreachable",
  });
  await assert.rejects(client.fetchX509Svid(), { code: "unreachable" });
});

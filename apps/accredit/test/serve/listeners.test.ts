import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, get, type RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { CommandError } from "../../src/cli/io.ts";
import {
  listen,
  type Listener,
  type Reception,
} from "../../src/serve/listeners.ts";

const hello: RequestListener = (_request, response) => response.end("hello");

async function open(
  t: TestContext,
  handler: RequestListener = hello,
  reception: Partial<Reception> = {},
): Promise<Listener> {
  const where = { host: "127.0.0.1", port: 0 };
  const listener = await listen(where, handler, {
    acceptors: 16,
    max: 1000,
    ...reception,
  });
  t.after(() => listener.close(0));
  return listener;
}

/** Asks on a connection of its own, which stays open. */
async function ask(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  socket.setEncoding("utf8");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let text = "";
  for await (const [part] of on(socket)) {
    text += part;
    if (text.endsWith("hello")) break;
  }
  return socket;
}

/** What a socket says; the end of it where it is cut. */
async function* on(socket: Socket): AsyncGenerator<[string]> {
  while (!socket.destroyed) {
    const what = await Promise.race([
      once(socket, "data") as Promise<[string]>,
      once(socket, "close").then(() => undefined),
    ]);
    if (what === undefined) throw new Error("the connection was cut");
    yield what;
  }
}

test("an address that another listener has is refused, though listeners accept by several sockets", async (t) => {
  const { port } = await open(t);
  await assert.rejects(
    listen({ host: "127.0.0.1", port }, hello, { acceptors: 16, max: 10 }),
    (error: unknown) =>
      error instanceof CommandError &&
      error.message.includes(`cannot listen on 127.0.0.1:${port}`) &&
      error.message.includes("EADDRINUSE"),
  );
});

test("an address is free again once its listener closed", async (t) => {
  const first = await open(t);
  await first.close(0);
  const { port } = first;
  const again = await listen({ host: "127.0.0.1", port }, hello);
  await again.close(0);
});

test("[Q16] connections that come at once are accepted several in a turn of the event loop", async (t) => {
  const accepted: Socket[] = [];
  let turns = 0;
  const { port } = await open(t, (request, response) => {
    accepted.push(request.socket);
    response.end("hello");
  });
  const count = 64;
  const callers = Array.from({ length: count }, () => ask(t, port));
  const watch = setInterval(() => {}, 1000);
  while (accepted.length < count) {
    turns++;
    await new Promise(setImmediate);
    // Slow turns, in which all of them arrive.
    const end = performance.now() + 20;
    while (performance.now() < end);
  }
  clearInterval(watch);
  await Promise.all(callers);
  assert.ok(turns < count / 2, `${count} connections took ${turns} turns`);
});

test("[Q16] closing lets a request finish that came by any of the sockets, and cuts it when its time is over", async (t) => {
  const waiting: (() => void)[] = [];
  const listener = await open(t, (_request, response) => {
    waiting.push(() => response.end("hello"));
  });
  const answers = Array.from({ length: 24 }, () => ask(t, listener.port));
  while (waiting.length < 24) await new Promise(setImmediate);
  const closed = listener.close(10_000);
  for (const answer of waiting.splice(0, 12)) answer();
  await Promise.race(answers);
  for (const answer of waiting) answer();
  await Promise.all([...answers, closed]);

  const other = await open(t, () => {});
  const cut = get({ port: other.port, agent: new Agent() });
  cut.on("error", () => {});
  await once(cut, "finish");
  await other.close(50);
});

test("[D04] idle connections of one caller keep nobody out", async (t) => {
  let dropped = 0;
  const bound = { max: 20, onDropped: () => dropped++ };
  const { port } = await open(t, hello, bound);
  for (let n = 0; n < 19; n++) await ask(t, port);
  for (let n = 0; n < 5; n++) await ask(t, port);
  assert.equal(dropped, 0);
});

test("[D04] connections beyond the bound are dropped and counted", async (t) => {
  const dropped = Promise.withResolvers<void>();
  const served: Socket[] = [];
  let left = 2;
  const bound = {
    max: 4,
    onDropped: () => {
      left--;
      if (left === 0) dropped.resolve();
    },
  };
  const { port } = await open(
    t,
    ({ socket }) => void served.push(socket),
    bound,
  );
  for (let n = 0; n < 6; n++) {
    const socket = connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  await dropped.promise;
  assert.ok(served.length <= 4);
});

/**
 * A flood, in its own process: requests come at a given rate whatever becomes of those before them, as those of
 * clients that know nothing of each other. Each takes a connection that is free, or a new one.
 */
import { createConnection, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "../statistics.ts";
import type { Flood, FloodResult } from "./protocol.ts";

/** Connections at once, at most: who finds none free is not served either. */
const MOST_CONNECTIONS = 4000;
/** How long answers are waited for when the last request is out, in milliseconds. */
const PATIENCE_MS = 10_000;

process.on("message", (message: Flood) => {
  void flood(message).then((result) => process.send?.(result));
});
process.channel?.ref();

interface Connection {
  readonly socket: Socket;
  /** When the request that it carries was due; undefined while it is free. */
  due: number | undefined;
  received: string;
}

async function flood(order: Flood): Promise<FloodResult> {
  const { hostname, port, pathname, host } = new URL(order.url);
  const requests = order.bodies.map((body) =>
    Buffer.from(
      `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
  const latencies = new Map<number, number[]>();
  const free: Connection[] = [];
  const all = new Set<Connection>();
  let cut = 0;
  let unsent = 0;

  const answered = (connection: Connection, status: number): void => {
    const taken = latencies.get(status) ?? [];
    latencies.set(status, taken);
    taken.push(performance.now() - (connection.due ?? Number.NaN));
    connection.due = undefined;
    connection.received = "";
    free.push(connection);
  };
  const connect = (): Connection | undefined => {
    if (all.size >= MOST_CONNECTIONS) return undefined;
    const socket = createConnection({
      host: hostname,
      port: Number(port),
      noDelay: true,
    });
    const connection: Connection = { socket, due: undefined, received: "" };
    all.add(connection);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      connection.received += text;
      const status = wholeAnswer(connection.received);
      if (status !== undefined) answered(connection, status);
    });
    // What comes of a reset shows as a connection that closed.
    socket.on("error", () => {});
    socket.on("close", () => {
      all.delete(connection);
      const index = free.indexOf(connection);
      if (index !== -1) free.splice(index, 1);
      if (connection.due !== undefined) cut++;
    });
    return connection;
  };

  const started = performance.now();
  const total = Math.round(order.perSecond * order.seconds);
  for (let sent = 0; sent < total;) {
    const due = ((performance.now() - started) / 1000) * order.perSecond;
    for (; sent < Math.min(total, due); sent++) {
      const connection = free.pop() ?? connect();
      const request = requests[sent % requests.length];
      if (connection === undefined || request === undefined) {
        unsent++;
        continue;
      }
      connection.due = started + (sent / order.perSecond) * 1000;
      connection.socket.write(request);
    }
    await sleep(1);
  }
  const deadline = performance.now() + PATIENCE_MS;
  while (
    [...all].some(({ due }) => due !== undefined) &&
    performance.now() < deadline
  )
    await sleep(20);
  const seconds = (performance.now() - started) / 1000;
  const unanswered = [...all].filter(({ due }) => due !== undefined).length;
  for (const { socket } of all) socket.destroy();
  return {
    kind: "flooded",
    seconds,
    unsent,
    unanswered: unanswered + cut,
    answers: [...latencies].map(([status, taken]) => {
      const sorted = Float64Array.from(taken).sort();
      return {
        status,
        count: sorted.length,
        latencyMs: { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) },
      };
    }),
  };
}

/** The status of an answer that is there to its end. */
function wholeAnswer(text: string): number | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(
    text.slice(0, end + 2),
  )?.[1];
  return text.length >= end + 4 + Number(length ?? 0)
    ? Number(text.slice(9, 12))
    : undefined;
}

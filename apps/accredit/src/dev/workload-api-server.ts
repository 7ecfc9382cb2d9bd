import { once } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import { createServer } from "node:http2";
import {
  SpiffeWorkloadAPI,
  WORKLOAD_API_METADATA,
} from "@accredit/workload-api";
import type { Interceptor, ServiceImpl } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { freeSocketPath, listenPrivately } from "./socket-path.ts";

/** How long open calls may take to end when the server closes, milliseconds. */
const GRACE_MS = 1000;

/**
 * Serves the Workload API on a Unix socket: gRPC over plaintext HTTP/2. Who may open the socket (its
 * owner) gets any identity; nothing is attested.
 *
 * @see SPIFFE Workload Endpoint, section 3
 */
export async function startWorkloadApiServer(
  socketPath: string,
  calls: ServiceImpl<typeof SpiffeWorkloadAPI>,
): Promise<{ close(): Promise<void> }> {
  const stopping = new AbortController();
  const serve = connectNodeAdapter({
    grpc: true,
    grpcWeb: false,
    connect: false,
    interceptors: [requireMetadata],
    shutdownSignal: stopping.signal,
    routes: (router) => router.service(SpiffeWorkloadAPI, calls),
  });
  const server = createServer((request, response) => {
    // A socket has no host name, so clients send what they like here (C-based gRPC: the encoded path);
    // the adapter would fail on what is no URL.
    request.headers[":authority"] = "localhost";
    serve(request, response);
  });
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });

  await freeSocketPath(socketPath);
  await listenPrivately(server, socketPath);

  return {
    async close() {
      const closed = once(server, "close");
      server.close(); // Removes the socket's file, too.
      stopping.abort(
        new ConnectError("the Workload API is stopping", Code.Unavailable),
      );
      for (const session of sessions) session.close();
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy();
      }, GRACE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** Refuses a call without the security metadata (WAPI-02). */
const requireMetadata: Interceptor = (next) => (request) => {
  const { name, value } = WORKLOAD_API_METADATA;
  if (request.header.get(name) !== value) {
    throw new ConnectError(
      `security header missing from request: ${name} must be ${value}`,
      Code.InvalidArgument,
    );
  }
  return next(request);
};

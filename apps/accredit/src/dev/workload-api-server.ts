import { once } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import { createServer } from "node:http2";
import {
  SpiffeWorkloadAPI,
  WORKLOAD_API_METADATA,
} from "@accredit/workload-api";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { JwtSvidIssuer } from "./jwt-svids.ts";
import type { DevKeys } from "./keys.ts";
import { freeSocketPath } from "./socket-path.ts";

/** How long open calls may take to end when the server closes, milliseconds. */
const GRACE_MS = 1000;

/** What the server serves, and where. */
export interface WorkloadApiServerOptions {
  readonly socketPath: string;
  readonly trustDomain: string;
  readonly keys: DevKeys;
  readonly issuer: JwtSvidIssuer;
}

/**
 * Serves the JWT calls of the Workload API on a Unix socket: gRPC over plaintext HTTP/2. Who may open
 * the socket (its owner) gets any identity; nothing is attested.
 *
 * @see SPIFFE Workload API, sections 4 and 6
 */
export async function startWorkloadApiServer(
  options: WorkloadApiServerOptions,
): Promise<{ close(): Promise<void> }> {
  const { keys, issuer, socketPath, trustDomain } = options;
  const stopping = new AbortController();
  const serve = connectNodeAdapter({
    grpc: true,
    grpcWeb: false,
    connect: false,
    interceptors: [requireMetadata],
    shutdownSignal: stopping.signal,
    routes: (router) =>
      router.service(SpiffeWorkloadAPI, {
        async fetchJWTSVID({ audience, spiffeId }) {
          return { svids: await issuer.issue(audience, spiffeId) };
        },
        async *fetchJWTBundles(_request, { signal }) {
          let sent: number | undefined;
          while (!signal.aborted) {
            if (keys.sequence() === sent) {
              // An abort ends the waiting, too; the loop sees it.
              await keys.nextChange(signal).catch(() => undefined);
            } else {
              sent = keys.sequence();
              yield { bundles: renderBundles(trustDomain, keys) };
            }
          }
          signal.throwIfAborted();
        },
        async validateJWTSVID({ audience, svid }) {
          const valid = await issuer.validate(audience, svid);
          return {
            spiffeId: valid.spiffeId,
            claims: valid.claims as JsonObject,
          };
        },
      }),
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
  // The socket is made within listen(): at no moment may others open it.
  const previousMask = process.umask(0o177);
  try {
    server.listen(socketPath);
  } finally {
    process.umask(previousMask);
  }
  await once(server, "listening");

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

/** The JWK Set alone: over the Workload API a key has no `use`, and the set no sequence. */
function renderBundles(
  trustDomain: string,
  keys: DevKeys,
): Record<string, Uint8Array> {
  const jwks = JSON.stringify({ keys: keys.publicKeys() });
  return { [`spiffe://${trustDomain}`]: Buffer.from(jwks) };
}

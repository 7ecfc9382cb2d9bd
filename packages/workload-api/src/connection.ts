import { connect } from "node:net";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { WorkloadApiAddress } from "./address.ts";
import { keepSessions } from "./sessions.ts";

/** The metadata every call carries: whoever sends it means to speak to a Workload API (WAPI-02). */
export const WORKLOAD_API_METADATA = {
  name: "workload.spiffe.io",
  value: "true",
} as const;

/** The largest message read, in bytes: gRPC's customary limit. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** How soon a TCP peer that vanished is noticed, though nothing is sent. */
const KEEP_ALIVE_MS = 30_000;

/** A connection that opens with the first call and can be ended at once. */
export interface Connection {
  readonly transport: Transport;
  close(): void;
}

/**
 * Prepares a plaintext HTTP/2 connection, with no TLS and no upgrade (WAPI-01).
 *
 * @param handshakeMs - how long the peer may take to begin HTTP/2
 */
export function openConnection(
  address: WorkloadApiAddress,
  handshakeMs: number,
): Connection {
  const sessions =
    address.kind === "unix"
      ? // A socket has no host: the authority is only what HTTP/2 insists on.
        keepSessions(
          "http://localhost",
          () => connect({ path: address.path }),
          handshakeMs,
        )
      : keepSessions(
          tcpOrigin(address.host, address.port),
          () =>
            connect({
              host: address.host,
              port: address.port,
              keepAlive: true,
              keepAliveInitialDelay: KEEP_ALIVE_MS,
            }),
          handshakeMs,
        );
  return {
    transport: createGrpcTransport({
      baseUrl: sessions.authority,
      sessionManager: sessions,
      // Nothing is compressed on a local socket, and no small message can then become a huge one.
      acceptCompression: [],
      readMaxBytes: MAX_MESSAGE_BYTES,
      interceptors: [
        (next) => (request) => {
          const { name, value } = WORKLOAD_API_METADATA;
          request.header.set(name, value);
          return next(request);
        },
      ],
    }),
    close: () => sessions.close(),
  };
}

function tcpOrigin(host: string, port: number): string {
  // A URL leaves out the port that its scheme implies, and so must we.
  return new URL(`http://${host.includes(":") ? `[${host}]` : host}:${port}`)
    .origin;
}

import { connect } from "node:net";
import type { Transport } from "@connectrpc/connect";
import {
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import type { WorkloadApiAddress } from "./address.ts";

/** The metadata every call carries: whoever sends it means to speak to a Workload API (WAPI-02). */
export const WORKLOAD_API_METADATA = {
  name: "workload.spiffe.io",
  value: "true",
} as const;

/** The largest message read, in bytes: gRPC's customary limit. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** A connection that opens with the first call and can be ended at once. */
export interface Connection {
  readonly transport: Transport;
  close(): void;
}

/** Prepares a plaintext HTTP/2 connection, with no TLS and no upgrade (WAPI-01). */
export function openConnection(address: WorkloadApiAddress): Connection {
  const sessions =
    address.kind === "unix"
      ? // A socket has no host: the authority is only what HTTP/2 insists on.
        new Http2SessionManager("http://localhost", undefined, {
          createConnection: () => connect({ path: address.path }),
        })
      : new Http2SessionManager(tcpOrigin(address.host, address.port));
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
    close: () => sessions.abort(),
  };
}

function tcpOrigin(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

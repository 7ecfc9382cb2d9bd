import { readFile } from "node:fs/promises";
import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { constants } from "node:crypto";
import {
  createServer as createNetServer,
  type AddressInfo,
  type ListenOptions as NetListenOptions,
  type Server as NetServer,
  type Socket,
} from "node:net";
import { HTTP_SERVER_LIMITS } from "@accredit/server";
import { CommandError } from "../cli/io.ts";

/** Where a listener binds; `tls` makes it https. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?:
    | {
        readonly certFile: string;
        readonly keyFile: string;
        /** Whether clients are asked for a certificate; one that has none is served all the same. */
        readonly clientCertificates?: boolean;
      }
    | undefined;
}

/**
 * Connections that wait to be accepted; the system may allow fewer. Beyond, it drops them, and whoever connects tries
 * again after one, three and seven seconds, however quick the server is.
 */
const BACKLOG = 8192;

/**
 * Sockets that accept connections of a busy address. Node accepts one connection of each in a turn of the event loop,
 * so that with a single one new callers wait for seconds behind a loop that is never late, and are not turned away.
 */
export const MANY_ACCEPTORS = 128;

/** Connections that may be open at once on one listener. */
export const MAX_CONNECTIONS = 10_000;

/** The share of all connections from which on idle ones are closed, at most once in this time. */
const CROWDED = 0.9;
const FREE_INTERVAL_MS = 1000;

/** How connections are taken. */
export interface Reception {
  /** Sockets that accept them, where the system can have several. */
  readonly acceptors: number;
  /** How many may be open at once. */
  readonly max: number;
  /** Hears of each that was one too many. */
  readonly onDropped?: () => void;
}

/** An open listener. */
export interface Listener {
  readonly port: number;
  /** Stops accepting, lets requests in flight finish for at most `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/**
 * Opens a listener with the limits of the server package.
 *
 * @throws {CommandError} when the address is taken or the TLS files cannot be read
 */
export async function listen(
  options: ListenOptions,
  handler: RequestListener,
  reception: Reception = { acceptors: 1, max: MAX_CONNECTIONS },
): Promise<Listener> {
  const server = await createServer(options, handler);
  boundConnections(server, reception);
  try {
    const acceptors = await openAcceptors(server, options, reception.acceptors);
    return {
      port: (server.address() as AddressInfo).port,
      close: (graceMs) => closeGracefully(server, acceptors, graceMs),
    };
  } catch (error) {
    const { message } = error as Error;
    throw new CommandError(
      `cannot listen on ${options.host}:${options.port}: ${message}`,
      1,
      { cause: error },
    );
  }
}

/**
 * Holds the number of open connections below the most there may be. Before it is reached, connections on which nothing
 * happens are closed, as one caller could keep everybody else out with them.
 */
function boundConnections(server: Server, { max, onDropped }: Reception): void {
  let open = 0;
  let freed = -Infinity;
  server.on("connection", (socket: Socket) => {
    open++;
    socket.once("close", () => open--);
    if (open > max) {
      socket.destroy();
      onDropped?.();
      return;
    }
    const now = performance.now();
    if (open < max * CROWDED || now - freed < FREE_INTERVAL_MS) return;
    freed = now;
    server.closeIdleConnections();
  });
}

/** Opens the server, and beside it what accepts connections for it; returns the latter. */
async function openAcceptors(
  server: Server,
  { host, port }: ListenOptions,
  count: number,
): Promise<readonly NetServer[]> {
  if (count === 1 || process.platform !== "linux") {
    await bind(server, { host, port, backlog: BACKLOG });
    return [];
  }
  // Alone at first: sockets that share an address would share it with those of another server, too.
  const probe = createNetServer();
  await bind(probe, { host, port });
  await new Promise((resolve) => probe.close(resolve));
  const backlog = Math.ceil(BACKLOG / count);
  const shared = { host, backlog, reusePort: true };
  await bind(server, { ...shared, port });
  const opened = server.address() as AddressInfo;
  return Promise.all(
    Array.from({ length: count - 1 }, async () => {
      const acceptor = createNetServer((socket) =>
        server.emit("connection", socket),
      );
      await bind(acceptor, { ...shared, port: opened.port });
      return acceptor;
    }),
  );
}

async function bind(
  server: NetServer,
  options: NetListenOptions,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/**
 * TLS proves that the client holds the certificate's key; whether the certificate is to be believed is ours
 * to say, by SPIFFE's rules and for each request (X509-10). So OpenSSL gets no authorities to compare with,
 * the system's least of all. A resumed session would have lost the chain, and a renegotiated one might have
 * changed it, so there is neither.
 */
const ASK_FOR_CERTIFICATES = {
  requestCert: true,
  rejectUnauthorized: false,
  ca: [],
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
};

async function createServer(
  { tls }: ListenOptions,
  handler: RequestListener,
): Promise<Server> {
  if (tls === undefined) return createHttpServer(HTTP_SERVER_LIMITS, handler);
  const [cert, key] = await Promise.all([
    readFile(tls.certFile),
    readFile(tls.keyFile),
  ]);
  return createHttpsServer(
    {
      ...HTTP_SERVER_LIMITS,
      // A peer that does not get on with it gets as long as for its request's headers.
      handshakeTimeout: HTTP_SERVER_LIMITS.headersTimeout,
      ...(tls.clientCertificates === true && ASK_FOR_CERTIFICATES),
      cert,
      key,
      minVersion: "TLSv1.2",
    },
    handler,
  );
}

async function closeGracefully(
  server: Server,
  acceptors: readonly NetServer[],
  graceMs: number,
): Promise<void> {
  const closed = Promise.all(
    [server, ...acceptors].map(
      (each) => new Promise<void>((resolve) => each.close(() => resolve())),
    ),
  );
  // A connection that was busy when the server closed turns idle after its response; look again.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}

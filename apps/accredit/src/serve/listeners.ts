import { readFile } from "node:fs/promises";
import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { constants } from "node:crypto";
import type { AddressInfo } from "node:net";
import { HTTP_SERVER_LIMITS, MAX_CONNECTIONS } from "@accredit/server";
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
): Promise<Listener> {
  const server = await createServer(options, handler);
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const message = `cannot listen on ${options.host}:${options.port}: ${cause.message}`;
      reject(new CommandError(message, 1, { cause }));
    });
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: (graceMs) => closeGracefully(server, graceMs),
  };
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

async function closeGracefully(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection that was busy when the server closed turns idle after its response; look again.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}

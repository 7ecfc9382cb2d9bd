import { readFile } from "node:fs/promises";
import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { HTTP_SERVER_LIMITS, MAX_CONNECTIONS } from "@accredit/server";
import { CommandError } from "../cli/io.ts";

/** Where a listener binds; `tls` makes it https. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?:
    { readonly certFile: string; readonly keyFile: string } | undefined;
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
    { ...HTTP_SERVER_LIMITS, cert, key, minVersion: "TLSv1.2" },
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

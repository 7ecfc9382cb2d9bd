import { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { Readable } from "node:stream";
import { createSecureContext } from "node:tls";

/** What TLS shows and trusts; PEM. */
export interface TlsSettings {
  /** Authorities of server certificates, instead of the system's. */
  readonly ca?: string | undefined;
  /** The certificates to show, the leaf first. */
  readonly cert?: string | undefined;
  /** The leaf's key. */
  readonly key?: string | undefined;
}

/** What of a request this takes, a `RequestInit` and the likes of it in libraries. */
export interface HttpsRequestInit {
  readonly method?: string | undefined;
  readonly headers?: ConstructorParameters<typeof Headers>[0] | undefined;
  /** A form or a text. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | null | undefined;
}

/** A `fetch` with connections of its own. */
export interface HttpsFetch {
  readonly fetch: (url: string, init: HttpsRequestInit) => Promise<Response>;
  /** Ends its connections as soon as no request runs, and resolves then. */
  retire(): Promise<void>;
  /** Ends its connections, and the requests on them. */
  close(): void;
}

/**
 * Refuses authorities that are none, a file's name for instance: TLS takes them for an empty list, and
 * then every server for an impostor.
 *
 * @throws {TypeError} `ca` does not begin with a certificate
 */
export function checkAuthorities(ca: string | undefined): void {
  if (ca === undefined) return;
  try {
    // Of several it reads the first.
    void new X509Certificate(ca);
  } catch {
    throw new TypeError("ca: expected certificates in PEM");
  }
}

/**
 * Makes a `fetch` over `node:https`, since the global one takes no certificates; plain http goes the usual
 * way. It follows no redirect, sends forms and text only, and decompresses nothing.
 *
 * @throws {Error} where certificates or key are not what TLS takes
 */
export function createHttpsFetch({ ca, cert, key }: TlsSettings): HttpsFetch {
  const agent = new Agent({
    keepAlive: true,
    // Now, not at the first handshake: a key that does not fit its certificate shows here.
    secureContext: createSecureContext({
      minVersion: "TLSv1.2",
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    }),
  });
  let tellEnd = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    tellEnd = resolve;
  });
  let state: "open" | "retired" | "closed" = "open";
  let running = 0;
  const end = (next: "closed" | "retired"): void => {
    state = next;
    if (state === "retired" && running > 0) return;
    agent.destroy();
    tellEnd();
  };
  const done = (): void => {
    running -= 1;
    if (state !== "open") end(state);
  };
  return {
    async fetch(url, init) {
      if (new URL(url).protocol === "http:")
        return fetch(url, init as RequestInit);
      if (state === "closed") throw new Error("the connections are closed");
      running += 1;
      try {
        const message = await send(url, init, agent);
        message.once("close", done);
        return toResponse(message);
      } catch (error) {
        done();
        throw error;
      }
    },
    retire() {
      end("retired");
      return ended;
    },
    close() {
      end("closed");
    },
  };
}

async function send(
  url: string,
  init: HttpsRequestInit,
  agent: Agent,
): Promise<IncomingMessage> {
  const { method = "GET", signal } = init;
  const body = init.body ?? null;
  const headers = new Headers(init.headers);
  if (body !== null && typeof body !== "string") {
    if (!(body instanceof URLSearchParams))
      throw new TypeError("expected a form or a text as the request's body");
    if (!headers.has("content-type"))
      headers.set("content-type", "application/x-www-form-urlencoded");
  }
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method,
      headers: Object.fromEntries(headers),
      agent,
      ...(signal === undefined || signal === null ? {} : { signal }),
    });
    call.once("response", resolve);
    call.once("error", reject);
    // Nothing here asks for another protocol; the socket would be left to nobody.
    call.once("upgrade", (_message, socket) => {
      socket.destroy();
      reject(new Error("the server changed the protocol"));
    });
    call.end(body === null ? undefined : body.toString());
  });
}

/** Statuses whose answer has no body. */
const EMPTY = new Set([204, 205, 304]);

function toResponse(message: IncomingMessage): Response {
  const { statusCode: status = 0, headers: fields } = message;
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) {
    for (const each of [value ?? []].flat()) headers.append(name, each);
  }
  if (EMPTY.has(status)) {
    message.resume();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(message), { status, headers });
}

import type { ServerResponse } from "node:http";

/** A whole response, before it is known whether Node or Hono writes it. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** RFC 7591 section 3.2.1 and RFC 6749 section 5.1: nothing that names a client or a token is cached. */
const NO_STORE = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  Pragma: "no-cache",
  "X-Content-Type-Options": "nosniff",
} as const;

/** A JSON reply that no cache keeps. */
export function jsonReply(
  status: number,
  body: unknown,
  headers?: Readonly<Record<string, string>>,
): Reply {
  return {
    status,
    headers: headers === undefined ? NO_STORE : { ...NO_STORE, ...headers },
    body: JSON.stringify(body),
  };
}

/** An OAuth error reply. `description` must already fit `error_description`. */
export function errorReply(
  status: number,
  error: string,
  description: string,
  headers?: Readonly<Record<string, string>>,
): Reply {
  return jsonReply(status, { error, error_description: description }, headers);
}

/** A JSON document that is the same for everyone and may be cached. */
export function publicJsonReply(body: unknown, cacheControl: string): Reply {
  return {
    status: 200,
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": cacheControl,
      "X-Content-Type-Options": "nosniff",
    },
    body: JSON.stringify(body),
  };
}

/** Writes a reply through Node; headers already set on the response stay. */
export function writeReply(
  response: ServerResponse,
  { status, headers, body }: Reply,
): void {
  response.writeHead(status, {
    ...headers,
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

/** The same reply for Hono. */
export function toResponse({ status, headers, body }: Reply): Response {
  return new Response(body === "" ? null : body, { status, headers });
}

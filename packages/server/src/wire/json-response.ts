/** RFC 7591 section 3.2.1 and RFC 6749 section 5.1: nothing that names a client or a token is cached. */
const NO_STORE = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  Pragma: "no-cache",
  "X-Content-Type-Options": "nosniff",
} as const;

/** A JSON response that no cache keeps. */
export function jsonResponse(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...NO_STORE, ...headers },
  });
}

/** An OAuth error response. `description` must already fit `error_description`. */
export function errorResponse(
  status: number,
  error: string,
  description: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return jsonResponse(
    status,
    { error, error_description: description },
    headers,
  );
}

/** A JSON document that is the same for everyone and may be cached. */
export function publicJsonResponse(
  body: unknown,
  cacheControl: string,
): Response {
  return new Response(JSON.stringify(body), {
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": cacheControl,
      "X-Content-Type-Options": "nosniff",
    },
  });
}

import { IncomingMessage } from "node:http";

/**
 * The request that oidc-provider gets in place of the one that came: the same connection and path, our
 * own form body, and none of the caller's headers but the host. What the caller sent to authenticate
 * stays behind.
 */
export function innerRequest(
  outer: IncomingMessage,
  path: string,
  parameters: Iterable<[string, string]>,
): IncomingMessage {
  const body = Buffer.from(new URLSearchParams([...parameters]).toString());
  const inner = new IncomingMessage(outer.socket);
  inner.method = "POST";
  inner.url = path;
  inner.httpVersion = outer.httpVersion;
  inner.headers = {
    host: outer.headers.host ?? "",
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
    "content-length": String(body.length),
  };
  inner.complete = true;
  inner.push(body);
  inner.push(null);
  return inner;
}

import type { IncomingMessage, ServerOptions } from "node:http";
import { DcrError } from "@accredit/core/errors";

/** Limits that the HTTP server itself enforces; times in milliseconds. */
export const HTTP_SERVER_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
  requireHostHeader: true,
  insecureHTTPParser: false,
} as const satisfies ServerOptions;

/**
 * Refuses requests whose framing two parsers could read in two ways: Node lets a repeated `Host` and an
 * unknown transfer coding through.
 *
 * @throws {DcrError} `request_malformed`
 */
export function checkFraming(request: IncomingMessage): void {
  const hosts = countHeader(request, "host");
  if (hosts > 1) {
    throw new DcrError(
      "request_malformed",
      `expected one Host header, got ${hosts}`,
    );
  }
  const { host } = request.headers;
  if (host !== undefined && !/^[A-Za-z0-9._:[\]-]{1,255}$/.test(host)) {
    throw new DcrError(
      "request_malformed",
      "expected a host name and optional port in the Host header",
    );
  }
  const coding = request.headers["transfer-encoding"];
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    throw new DcrError(
      "request_malformed",
      "expected Transfer-Encoding chunked or none",
    );
  }
  if (request.url === undefined || !request.url.startsWith("/")) {
    throw new DcrError(
      "request_malformed",
      "expected a request target that is an absolute path",
    );
  }
}

/**
 * Checks the body's media type.
 *
 * @throws {DcrError} `media_type_unsupported`
 */
export function checkMediaType(
  request: IncomingMessage,
  expected: string,
): void {
  const [type = "", ...parameters] = (
    request.headers["content-type"] ?? ""
  ).split(";");
  if (type.trim().toLowerCase() !== expected) {
    throw new DcrError(
      "media_type_unsupported",
      `expected Content-Type ${expected}`,
    );
  }
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.trim().toLowerCase().split("=");
    if (name === "charset" && value.replaceAll('"', "") !== "utf-8") {
      throw new DcrError("media_type_unsupported", "expected charset utf-8");
    }
  }
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new DcrError(
      "media_type_unsupported",
      "expected a body without Content-Encoding",
    );
  }
}

/** How often a header stands in the request; Node's own view keeps only one of some of them. */
function countHeader({ rawHeaders }: IncomingMessage, name: string): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const header = rawHeaders[at];
    if (header?.length === name.length && header.toLowerCase() === name) {
      count++;
    }
  }
  return count;
}

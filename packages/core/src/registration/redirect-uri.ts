import type { JsonValue } from "../json/index.ts";
import { kindOf } from "../lib/quote.ts";
import { type Mismatch } from "./reason.ts";
import { isUriText, readWebUrl } from "./web-url.ts";

const MAX_LENGTH = 2048;
/** RFC 8252 section 7.3, with the name that MCP clients use. */
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set([
  "localhost",
  "127.0.0.1",
  "[::1]",
]);
/** RFC 8252 section 7.1: a private-use scheme is a reversed domain name, so it has a dot. No user information. */
const PRIVATE_USE_URI = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:(?!\/\/[^/?]*@)./;
const EXPECTED =
  "absolute https URIs, http ones on a loopback host, or ones of a private-use scheme with a dot";

/**
 * What is wrong with a redirect URI; undefined where it will do: https, or http on a loopback host, or a
 * private-use scheme; absolute, no fragment, no user information (META-01).
 *
 * @see RFC 7591 section 5; RFC 8252 section 7; RFC 6749 section 3.1.2
 */
export function redirectUriProblem(value: JsonValue): Mismatch | undefined {
  if (typeof value !== "string")
    return { expected: EXPECTED, got: kindOf(value) };
  if (value.length > MAX_LENGTH || !isUriText(value)) {
    return {
      expected: `${EXPECTED}, of at most ${MAX_LENGTH} URI characters`,
      got: "another text",
    };
  }
  if (value.includes("#")) {
    return { expected: `${EXPECTED}, without a fragment`, got: "one with it" };
  }
  const url = readWebUrl(value);
  const allowed =
    url === undefined
      ? PRIVATE_USE_URI.test(value) && URL.canParse(value)
      : url.scheme === "https" || LOOPBACK_HOSTS.has(url.host);
  return allowed ? undefined : { expected: EXPECTED, got: "another URI" };
}

/** Whether a redirect URI is http on a loopback host. */
export function isLoopbackRedirect(uri: string): boolean {
  const url = readWebUrl(uri);
  return url?.scheme === "http" && LOOPBACK_HOSTS.has(url.host);
}

/**
 * A redirect to a loopback address without its port: native apps get whichever port is free. Only for the
 * address itself: what the name localhost means is somebody else's decision (RFC 8252 sections 7.3, 8.3).
 */
export function withoutLoopbackPort(uri: string): string {
  return uri.replace(
    /^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\d+(?=[/?]|$)/,
    "$1",
  );
}

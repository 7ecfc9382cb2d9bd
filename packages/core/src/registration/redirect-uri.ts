import type { JsonValue } from "../json/index.ts";

const MAX_LENGTH = 2048;
/** RFC 8252 section 7.3, with the name that MCP clients use. */
const LOOPBACK_HOSTS = new Set(["localhost", "127.0.0.1", "[::1]"]);
/** RFC 8252 section 7.1: a private-use scheme is a reversed domain name, so it has a dot. */
const PRIVATE_USE_SCHEME = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+$/;

/**
 * What was expected of a redirect URI that will not do; undefined where it does: https, or http on a
 * loopback host, or a private-use scheme; absolute, no fragment, no user information (META-01).
 *
 * The text is judged before any URL parser sees it: parsers drop tabs and line breaks, fold case and turn
 * backslashes, and a check on what they made is no check on what will be stored.
 */
export function redirectUriProblem(value: JsonValue): string | undefined {
  const expected =
    "absolute https URIs, http ones on a loopback host, or ones of a private-use scheme";
  if (typeof value !== "string") return expected;
  if (
    value.length > MAX_LENGTH ||
    !/^[\x21-\x7e]+$/.test(value) ||
    /[\\"<>^`{|}]/.test(value)
  ) {
    return `${expected}, of at most ${MAX_LENGTH} printable ASCII characters`;
  }
  if (value.includes("#")) return `${expected}, without a fragment`;
  const scheme = /^([a-z][a-z0-9.+-]*):/.exec(value)?.[1];
  if (scheme === "https" || scheme === "http") {
    const url = value.startsWith(`${scheme}://`) ? URL.parse(value) : null;
    const authority = value.slice(scheme.length + 3).split(/[/?]/, 1)[0] ?? "";
    if (url === null || authority === "" || authority.includes("@"))
      return expected;
    if (scheme === "http" && !isLoopbackAuthority(authority)) return expected;
    return undefined;
  }
  return scheme !== undefined && PRIVATE_USE_SCHEME.test(scheme)
    ? undefined
    : expected;
}

/** Whether a redirect URI, already judged, is http on a loopback host. */
export function isLoopbackRedirect(uri: string): boolean {
  return (
    uri.startsWith("http://") &&
    isLoopbackAuthority(uri.slice(7).split(/[/?]/, 1)[0] ?? "")
  );
}

/** A loopback redirect without its port: native apps get whichever port is free (RFC 8252 section 7.3). */
export function withoutPort(uri: string): string {
  return uri.replace(/^(http:\/\/(?:\[[^\]]*\]|[^/?:]*)):\d+/, "$1");
}

function isLoopbackAuthority(authority: string): boolean {
  return LOOPBACK_HOSTS.has(authority.replace(/:\d{1,5}$/, ""));
}

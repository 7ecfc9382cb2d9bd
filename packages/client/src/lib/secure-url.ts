/** This machine, as a name that is its own in every network. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
/**
 * What leads to this machine besides: names below localhost, the addresses that stand for any, and IPv4
 * ones written as IPv6, as URL spells them.
 */
const ALSO_HERE = [
  /^(?:.+\.)?localhost\.?$/,
  /^0\.0\.0\.0$/,
  /^\[::\]$/,
  /^\[::(?:ffff:)?7f[\da-f]{2}:[\da-f]{1,4}\]$/,
  /^\[::ffff:0:0\]$/,
];

/** Where a URL leads: a server on this machine may name what one from elsewhere may not. */
export type Place = "elsewhere" | "here" | "here by http";

/** Where a URL leads. Plain http counts only where nothing can stand between. */
export function whereIs({ protocol, hostname }: URL): Place {
  if (protocol === "http:" && LOOPBACK.test(hostname)) return "here by http";
  return [LOOPBACK, ...ALSO_HERE].some((each) => each.test(hostname))
    ? "here"
    : "elsewhere";
}

/**
 * Reads a URL that credentials may be sent to: https, or http to this machine where one on this machine by
 * http names it; without user information and fragment. Who is elsewhere names nothing on this machine.
 *
 * @param namer - where the server is that names the URL
 * @returns the URL, or what is wrong with it in words
 */
export function parseSecureUrl(text: unknown, namer: Place): URL | string {
  const url =
    typeof text === "string" && URL.canParse(text) ? new URL(text) : null;
  if (url === null) return "expected a URL, got none";
  const where = whereIs(url);
  if (
    url.protocol !== "https:" &&
    !(namer === "here by http" && where === "here by http")
  ) {
    return `expected https, got ${url.protocol}//${url.host}`;
  }
  if (namer === "elsewhere" && where !== "elsewhere")
    return `expected another machine, got ${url.host}`;
  if (url.username !== "" || url.password !== "" || url.href.includes("#"))
    return "expected a URL without user information and fragment";
  return url;
}

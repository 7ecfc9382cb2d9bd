const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether a URL is plain http to this machine: for development. */
export function isLoopbackHttp(url: URL): boolean {
  return url.protocol === "http:" && LOOPBACK.test(url.hostname);
}

/**
 * Reads a URL that credentials may be sent to: https, or http to this machine where that is allowed;
 * without user information and fragment.
 *
 * @returns the URL, or what is wrong with it in words
 */
export function parseSecureUrl(
  text: unknown,
  { allowLoopback }: { readonly allowLoopback: boolean },
): URL | string {
  const url =
    typeof text === "string" && URL.canParse(text) ? new URL(text) : null;
  if (url === null) return "expected a URL, got none";
  if (url.protocol !== "https:" && !(allowLoopback && isLoopbackHttp(url))) {
    return `expected https, got ${url.protocol}//${url.host}`;
  }
  if (url.username !== "" || url.password !== "" || url.href.includes("#"))
    return "expected a URL without user information and fragment";
  return url;
}

/** The authority of an http or https URL whose text every parser reads alike. */
export interface WebUrl {
  readonly scheme: "http" | "https";
  /** As written, without the port; IPv6 in brackets. */
  readonly host: string;
}

/** The characters of RFC 3986 section 2; a percent sign only before two hex digits. */
const URI_TEXT = /^(?:[!#$&-;=?-[\]_a-z~]|%[0-9A-Fa-f]{2})+$/;
/** No user information, no percent sign: `[` IPv6 `]` or a name, and a port. */
const WEB_URL =
  /^(https?):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:[/?#]|$)/;

/**
 * Whether text is made of the characters of a URI and nothing else. Asked before any URL parser is: parsers
 * drop tabs and line breaks, turn backslashes and fold case, and a check on what they made of a text is no
 * check on the text that will be stored.
 */
export function isUriText(text: string): boolean {
  return URI_TEXT.test(text);
}

/**
 * Reads an http or https URL. Undefined for text that is none, or that a URL parser would first have to
 * repair: `https:///host`, `https://127.1/`, `https://e%78ample.org/`.
 */
export function readWebUrl(text: string): WebUrl | undefined {
  const [, scheme, host = ""] = (isUriText(text) && WEB_URL.exec(text)) || [];
  if (scheme !== "http" && scheme !== "https") return undefined;
  return URL.parse(text)?.hostname === host.toLowerCase()
    ? { scheme, host }
    : undefined;
}

/** Whether a host is an IP address or this machine's own name: never the place of a public document. */
export function isAddressOrLocal(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  return (
    name.startsWith("[") ||
    /^[0-9.]+$/.test(name) ||
    name === "localhost" ||
    name.endsWith(".localhost")
  );
}

import { DcrError } from "../errors.ts";
import { isAddressOrLocal } from "../registration/web-url.ts";

/** F20: a longer DID is refused before it is looked at. */
export const MAX_DID_LENGTH = 2048;

/** A name in lower case, so that one DID has one spelling; labels of RFC 1123. */
const HOST =
  /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const PORT = /^[1-9][0-9]{0,4}$/;
/** What a DID may hold without percent-encoding; the encoded rest could become a slash or a query. */
const SEGMENT = /^[A-Za-z0-9._-]+$/;

/** What a did:web may name. */
export interface DidWebOptions {
  /** Whether `localhost` may be the host; for development. Default: no. */
  readonly allowLocalhost?: boolean | undefined;
}

/**
 * The URL of a did:web's document (KEYR-03). The host is a name, never an address; `%3A` before a port is
 * the only percent-encoding taken (F08).
 *
 * @throws {DcrError} `did_invalid`
 * @see did:web method specification section 3.2
 */
export function didWebUrl(
  did: string,
  { allowLocalhost = false }: DidWebOptions = {},
): URL {
  if (did.length > MAX_DID_LENGTH || !did.startsWith("did:web:")) {
    throw invalid(`did:web of at most ${MAX_DID_LENGTH} characters`, "another");
  }
  const [authority = "", ...path] = did.slice("did:web:".length).split(":");
  const [host = "", port, ...more] = authority.split("%3A");
  // A URL parser takes more for addresses than one would think: 0x7f.1 is 127.0.0.1.
  const isName =
    HOST.test(host) &&
    host.length <= 253 &&
    URL.parse(`https://${host}/`)?.hostname === host;
  const isLocal = isAddressOrLocal(host);
  if (!isName || (isLocal && !(allowLocalhost && host === "localhost"))) {
    throw invalid(
      "a host name in lower case",
      isLocal ? "an address or a local name" : "something else",
    );
  }
  if (
    more.length > 0 ||
    (port !== undefined && !(PORT.test(port) && Number(port) <= 65_535))
  ) {
    throw invalid("a port from 1 to 65535 after %3A", "something else");
  }
  for (const segment of path) {
    if (!SEGMENT.test(segment) || segment === "." || segment === "..")
      throw invalid(
        "path segments of letters, digits, '.', '_' and '-'",
        "another",
      );
  }
  const origin = `https://${host}${port === undefined ? "" : `:${port}`}`;
  const file = path.length === 0 ? ".well-known" : path.join("/");
  return new URL(`${origin}/${file}/did.json`);
}

function invalid(expected: string, came: string): DcrError {
  return new DcrError("did_invalid", `expected ${expected}, got ${came}`);
}

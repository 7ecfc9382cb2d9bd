import { DcrError } from "../errors.ts";

declare const trustDomainName: unique symbol;

/** A trust domain name that passed the grammar of SPIFFE-ID section 2.1. Compare byte for byte. */
export type TrustDomainName = string & { readonly [trustDomainName]: true };

/** A SPIFFE ID that passed the full grammar. `uri` is the text exactly as it came. */
export interface SpiffeId {
  /** `spiffe://<trustDomain><path>` */
  readonly uri: string;
  readonly trustDomain: TrustDomainName;
  /** Empty (the ID names the trust domain itself) or `/a/b`. */
  readonly path: string;
}

const SCHEME = "spiffe://";
/** SPIFFE-ID section 2.3. All allowed characters are ASCII, so length in characters is length in bytes. */
const MAX_ID_LENGTH = 2048;
const MAX_TRUST_DOMAIN_LENGTH = 255;

const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const SEGMENT = /^[A-Za-z0-9._-]+$/;

/**
 * Parses a trust domain name: lowercase letters, digits, dot, dash and underscore, at most 255 of them.
 * Nothing is repaired, folded or decoded.
 *
 * @throws {DcrError} `spiffe_id_invalid`
 * @see SPIFFE-ID section 2.1
 */
export function parseTrustDomainName(text: string): TrustDomainName {
  if (text.length === 0) fail("a trust domain name", "an empty one");
  if (text.length > MAX_TRUST_DOMAIN_LENGTH) {
    fail(
      `a trust domain name of at most ${MAX_TRUST_DOMAIN_LENGTH} bytes`,
      `${text.length}`,
    );
  }
  if (!TRUST_DOMAIN.test(text)) {
    fail(
      "a trust domain name of a-z, 0-9, '.', '-' and '_'",
      "another character in it",
    );
  }
  return text as TrustDomainName;
}

/**
 * Parses a SPIFFE ID by its full grammar. Never a URL parser: those repair what must be refused.
 *
 * @throws {DcrError} `spiffe_id_invalid`
 * @see SPIFFE-ID section 2
 */
export function parseSpiffeId(text: string): SpiffeId {
  if (text.length > MAX_ID_LENGTH)
    fail(`a SPIFFE ID of at most ${MAX_ID_LENGTH} bytes`, `${text.length}`);
  if (!text.startsWith(SCHEME))
    fail("a SPIFFE ID that begins with spiffe://", "another beginning");
  const slash = text.indexOf("/", SCHEME.length);
  const end = slash === -1 ? text.length : slash;
  const trustDomain = parseTrustDomainName(text.slice(SCHEME.length, end));
  const path = text.slice(end);
  if (path !== "") checkPath(path);
  return { uri: text, trustDomain, path };
}

function checkPath(path: string): void {
  for (const segment of path.slice(1).split("/")) {
    if (segment === "")
      fail("no empty path segment and no closing slash", "one");
    if (segment === "." || segment === "..")
      fail("no path segment '.' or '..'", "one");
    if (!SEGMENT.test(segment)) {
      fail(
        "path segments of A-Z, a-z, 0-9, '.', '-' and '_'",
        "another character in one",
      );
    }
  }
}

function fail(expected: string, came: string): never {
  throw new DcrError("spiffe_id_invalid", `expected ${expected}, got ${came}`);
}

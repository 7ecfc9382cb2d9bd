import { AccreditClientError } from "./error.ts";
import type { Answer, JsonObject } from "./lib/exchange.ts";

/** A client as the server registered it. Holds no credential. */
export interface RegisteredClient {
  /** The client identifier; Accredit's is the SPIFFE ID. */
  readonly clientId: string;
  /** Epoch seconds of the first registration, where the server says. */
  readonly issuedAt: number | undefined;
  /** The registered metadata by its RFC 7591 names, and whatever else the server says. */
  readonly metadata: JsonObject;
  /** Where each member of the metadata came from, as Accredit tells; empty for other servers. */
  readonly provenance: Readonly<Record<string, string>>;
  /** The resources that it may ask tokens for, as Accredit tells; empty for other servers. */
  readonly resources: readonly string[];
}

const MAX_CLIENT_ID = 4096;

/**
 * Reads a client information response. Credentials in it are left out: the statement that it echoes, and
 * what other servers may hand to a client that proves itself by an SVID and has no use for them.
 *
 * @throws {AccreditClientError} `response_invalid`
 * @see RFC 7591 section 3.2.1
 */
export function readRegisteredClient({
  status,
  body,
  got,
}: Answer): RegisteredClient {
  const invalid = (expected: string): AccreditClientError =>
    new AccreditClientError(
      "response_invalid",
      `registration: expected ${expected}`,
      { status },
    );
  if (status !== 201 || body === undefined)
    throw invalid(`HTTP 201 with a JSON object, got ${got}`);
  const {
    client_id: clientId,
    client_id_issued_at: issuedAt,
    accredit_provenance: provenance,
    accredit_resources: resources,
    software_statement: _statement,
    client_secret: _secret,
    client_secret_expires_at: _secretEnd,
    registration_access_token: _accessToken,
    ...metadata
  } = body;
  if (typeof clientId !== "string" || !isIdentifier(clientId))
    throw invalid("a client_id of printable ASCII");
  if (issuedAt !== undefined && !Number.isSafeInteger(issuedAt))
    throw invalid("client_id_issued_at in whole seconds, or none");
  return {
    clientId,
    issuedAt: issuedAt as number | undefined,
    metadata,
    provenance: textsOf(provenance),
    resources: Object.values(textsOf(resources)),
  };
}

/** RFC 6749 appendix A.1. */
function isIdentifier(text: string): boolean {
  return text.length <= MAX_CLIENT_ID && /^[\x20-\x7e]+$/.test(text);
}

/** The members of an object or array that are strings. */
function textsOf(value: unknown): Record<string, string> {
  if (value === null || typeof value !== "object") return {};
  return Object.fromEntries(
    Object.entries(value).filter(
      (member): member is [string, string] => typeof member[1] === "string",
    ),
  );
}

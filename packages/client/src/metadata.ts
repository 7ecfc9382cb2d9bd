import { AccreditClientError } from "./error.ts";
import type { JsonObject } from "./lib/exchange.ts";
import { parseSecureUrl, whereIs } from "./lib/secure-url.ts";

/**
 * Authorization server metadata with the members that this package uses checked, and all others as they
 * came.
 *
 * @see RFC 8414 section 2; RFC 8705 section 5 for `mtls_endpoint_aliases`
 */
export interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly token_endpoint?: string;
  readonly registration_endpoint?: string;
  readonly mtls_endpoint_aliases?: {
    readonly token_endpoint?: string;
    readonly registration_endpoint?: string;
  };
  readonly [member: string]: unknown;
}

const ENDPOINTS = ["token_endpoint", "registration_endpoint"] as const;

/**
 * Reads a metadata document that came from `issuer`. Its endpoints have to be https, or http on this
 * machine where the issuer is that too, and on this machine only where the issuer is: no server elsewhere
 * sends a credential to a neighbour of ours.
 *
 * @throws {AccreditClientError} `issuer_mismatch`, `metadata_invalid`
 */
export function parseServerMetadata(
  document: JsonObject,
  issuer: string,
): AuthorizationServerMetadata {
  if (document["issuer"] !== issuer) {
    const named = parseSecureUrl(document["issuer"], "here by http");
    throw new AccreditClientError(
      "issuer_mismatch",
      typeof named === "string"
        ? `expected the metadata of ${issuer}, its issuer is no URL`
        : `expected the metadata of ${issuer}, got that of ${JSON.stringify(document["issuer"]).slice(0, 200)}`,
    );
  }
  const namer = whereIs(requireIssuer(issuer));
  const aliases = aliasesOf(document["mtls_endpoint_aliases"]);
  for (const [where, members] of [
    ["", document],
    ["mtls_endpoint_aliases.", aliases],
  ] as const) {
    for (const name of ENDPOINTS) {
      const value = members[name];
      if (value === undefined) continue;
      const url = parseSecureUrl(value, namer);
      if (typeof url === "string") throw invalid(issuer, where + name, url);
    }
  }
  return document as AuthorizationServerMetadata;

  function aliasesOf(value: unknown): JsonObject {
    if (value === undefined) return {};
    if (value === null || typeof value !== "object" || Array.isArray(value))
      throw invalid(issuer, "mtls_endpoint_aliases", "expected an object");
    return value as JsonObject;
  }
}

/**
 * Reads an issuer identifier: https, or http on this machine, without query and fragment.
 *
 * @throws {AccreditClientError} `issuer_invalid`
 * @see RFC 8414 section 2
 */
export function requireIssuer(issuer: string): URL {
  const url = parseSecureUrl(issuer, "here by http");
  if (typeof url === "string" || issuer.includes("?")) {
    throw new AccreditClientError(
      "issuer_invalid",
      `issuer: ${typeof url === "string" ? url : "expected a URL without query"}`,
    );
  }
  return url;
}

/**
 * An endpoint that has to be there.
 *
 * @throws {AccreditClientError} `metadata_invalid`
 */
export function requireEndpoint(
  metadata: AuthorizationServerMetadata,
  name: (typeof ENDPOINTS)[number],
): string {
  const url = metadata[name];
  if (url === undefined)
    throw invalid(metadata.issuer, name, "expected a URL, got none");
  return url;
}

function invalid(
  issuer: string,
  member: string,
  problem: string,
): AccreditClientError {
  return new AccreditClientError(
    "metadata_invalid",
    `metadata of ${issuer}, ${member}: ${problem}`,
  );
}

import { createHash } from "node:crypto";
import type { Endpoints } from "../endpoints.ts";

/** What may stand in a URL as it is. */
const PLAIN = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Names a client in a URL: an opaque `client_id` as it is, a SPIFFE ID by its hash, since a URL must not be
 * built from it (MGMT-01). It names and opens nothing.
 */
export function clientHandle(clientId: string): string {
  return PLAIN.test(clientId)
    ? clientId
    : createHash("sha256").update(clientId).digest("base64url");
}

/** Where a client reads, updates and deletes its registration (RFC 7592 section 3). */
export function registrationClientUri(
  { registration }: Endpoints,
  clientId: string,
): string {
  return `${registration}/${clientHandle(clientId)}`;
}

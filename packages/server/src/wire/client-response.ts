import type {
  RegisteredClient,
  Registration,
} from "@accredit/core/registration";
import type { Endpoints } from "../endpoints.ts";
import { registrationClientUri } from "../management/client-uri.ts";

/**
 * The client information response of RFC 7591 section 3.2.1, to a registration: what is registered, and the
 * statement byte for byte.
 */
export function clientResponse(
  { client, softwareStatement, managementToken }: Registration,
  endpoints: Endpoints,
): Record<string, unknown> {
  return {
    ...clientInformation(client, endpoints),
    ...withToken(managementToken),
    software_statement: softwareStatement,
  };
}

/** The registration access token, told once; a SPIFFE client never has one (MGMT-08). */
export function withToken(
  token: string | undefined,
): { readonly registration_access_token: string } | Record<string, never> {
  return token === undefined ? {} : { registration_access_token: token };
}

/**
 * A client's identifier, all of its registered metadata, and where it manages them (RFC 7592 section 3).
 * There is no member for a secret (DCR-TI-08).
 *
 * `accredit_provenance` says for each member where it came from; `accredit_resources` lists the RFC 8707
 * resources the policy lets the client ask for; `accredit_lease_expires_at` is when the registration ends
 * unless it is renewed, in epoch seconds. All are ours and carry our prefix (ASM-10).
 */
export function clientInformation(
  client: RegisteredClient,
  endpoints: Endpoints,
): Record<string, unknown> {
  return {
    client_id: client.clientId,
    client_id_issued_at: client.issuedAt,
    ...client.metadata,
    registration_client_uri: registrationClientUri(endpoints, client.clientId),
    accredit_provenance: client.provenance,
    accredit_resources: client.resources,
    ...(client.leaseExpiresAt === null
      ? {}
      : { accredit_lease_expires_at: client.leaseExpiresAt }),
  };
}

import type { Registration } from "@accredit/core/registration";

/**
 * The client information response of RFC 7591 section 3.2.1: the client's identifier, all registered
 * metadata, and the statement byte for byte. There is no member for a secret (DCR-TI-08).
 *
 * `accredit_provenance` says for each member where it came from; `accredit_resources` lists the RFC 8707
 * resources the policy lets the client ask for. Both are ours and carry our prefix (ASM-10).
 */
export function clientResponse(
  registration: Registration,
): Record<string, unknown> {
  const { client, softwareStatement } = registration;
  return {
    client_id: client.clientId,
    client_id_issued_at: client.issuedAt,
    ...client.metadata,
    software_statement: softwareStatement,
    accredit_provenance: client.provenance,
    accredit_resources: client.resources,
  };
}

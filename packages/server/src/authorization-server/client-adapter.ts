import Provider, { type Adapter, type AdapterPayload } from "oidc-provider";
import type { RegisteredClient } from "@accredit/core/registration";
import { wantsBoundTokens } from "../client-authentication/certificate-binding.ts";
import { boundClient } from "./authenticated-requests.ts";

/**
 * oidc-provider's view of our clients: read-only, and blind to every client but the one that this very
 * request authenticated. Access tokens are JWTs, so nothing else is ever stored through it.
 */
export function clientAdapter(model: string): Adapter {
  const refuse = (): never => {
    throw new Error(`the embedded authorization server stores no ${model}`);
  };
  return {
    find: async (id) => (model === "Client" ? findBoundClient(id) : refuse()),
    upsert: async () => refuse(),
    findByUserCode: async () => refuse(),
    findByUid: async () => refuse(),
    consume: async () => refuse(),
    destroy: async () => refuse(),
    revokeByGrantId: async () => refuse(),
  };
}

function findBoundClient(id: string): AdapterPayload | undefined {
  const bound = boundClient(Provider.ctx?.req);
  return bound?.client.clientId === id
    ? providerMetadata(bound.client)
    : undefined;
}

/** What stands for the client where oidc-provider wants the URI name of a certificate (ADR 0001). */
export function sanUri({ kind, clientId, subject }: RegisteredClient): string {
  // The subject of a credential may be any text; its client's id is ours.
  return kind === "spiffe" ? subject : `urn:uuid:${clientId}`;
}

/**
 * A client in oidc-provider's terms: one of mutual TLS, whose URI SAN is its SPIFFE ID. The
 * hooks of that method are where our authentication is asked for (ADR 0001). What the token endpoint may
 * give (scope, resources) is decided before, so neither is repeated here.
 */
function providerMetadata(client: RegisteredClient): AdapterPayload {
  return {
    client_id: client.clientId,
    token_endpoint_auth_method: "tls_client_auth",
    tls_client_auth_san_uri: sanUri(client),
    tls_client_certificate_bound_access_tokens: wantsBoundTokens(client),
    grant_types: ["client_credentials"],
    response_types: [],
    redirect_uris: [],
  };
}

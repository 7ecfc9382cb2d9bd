import type { IncomingMessage } from "node:http";
import type { AuthenticatedClient } from "../client-authentication/authenticate.ts";

const clients = new WeakMap<IncomingMessage, AuthenticatedClient>();

/** Ties the client that this request authenticated to the request that oidc-provider will see. */
export function bindClient(
  request: IncomingMessage,
  client: AuthenticatedClient,
): void {
  clients.set(request, client);
}

/**
 * The client that our step authenticated for this request; undefined where the step did not run, and
 * then every hook of oidc-provider refuses.
 */
export function boundClient(
  request: IncomingMessage | undefined,
): AuthenticatedClient | undefined {
  return request === undefined ? undefined : clients.get(request);
}

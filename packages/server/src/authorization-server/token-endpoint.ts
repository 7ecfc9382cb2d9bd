import type { IncomingMessage, ServerResponse } from "node:http";
import { DcrError } from "@accredit/core/errors";
import {
  CLIENT_AUTHENTICATION_PARAMETERS,
  type AuthenticatedClient,
} from "../client-authentication/authenticate.ts";
import { wantsBoundTokens } from "../client-authentication/certificate-binding.ts";
import type { Log } from "../log.ts";
import type { FormParameters } from "../wire/form-parameters.ts";
import { bindClient } from "./authenticated-requests.ts";
import { innerRequest } from "./inner-request.ts";
import {
  createProvider,
  PROVIDER_TOKEN_PATH,
  type ProviderOptions,
} from "./provider.ts";
import { grantedRequest } from "./token-request.ts";

/** What the token endpoint is made of. */
export interface TokenEndpointOptions extends ProviderOptions {
  readonly log: Log;
}

/** Issues tokens to clients that are already authenticated. */
export interface TokenEndpoint {
  /** Writes the whole response. Throws `DcrError` before anything is written where the request goes too far. */
  respond(
    request: IncomingMessage,
    response: ServerResponse,
    parameters: FormParameters,
    client: AuthenticatedClient,
  ): Promise<void>;
}

/** Builds the embedded authorization server; oidc-provider does the OAuth, our step the authentication. */
export function createTokenEndpoint(
  options: TokenEndpointOptions,
): TokenEndpoint {
  const provider = createProvider(options);
  provider.on("server_error", (_ctx, error: Error) => {
    options.log.error(
      { error: error.message, stack: error.stack },
      "token endpoint failed",
    );
  });
  const handle = provider.callback();

  return {
    respond: async (request, response, parameters, authenticated) => {
      requireCertificate(authenticated);
      const granted = grantedRequest(
        parameters,
        authenticated.client,
        options.defaultResource,
      );
      const inner = innerRequest(
        request,
        PROVIDER_TOKEN_PATH,
        forwarded(parameters, authenticated, granted),
      );
      bindClient(inner, authenticated);
      await handle(inner, response);
    },
  };
}

/** A token that is to be bound and has nothing to be bound to is not issued (RFC 8705 section 3.4). */
function requireCertificate({ client, binding }: AuthenticatedClient): void {
  if (binding !== undefined || !wantsBoundTokens(client)) return;
  throw new DcrError(
    "client_certificate_missing",
    "expected a TLS client certificate to bind the token to, got none",
  );
}

/** The request's own parameters without those of authentication, with what was granted put in. */
function* forwarded(
  parameters: FormParameters,
  { client }: AuthenticatedClient,
  granted: { readonly scope: string | undefined; readonly resource: string },
): Iterable<[string, string]> {
  yield ["client_id", client.clientId];
  yield ["resource", granted.resource];
  if (granted.scope !== undefined) yield ["scope", granted.scope];
  for (const [name, value] of parameters.entries()) {
    if (
      !CLIENT_AUTHENTICATION_PARAMETERS.has(name) &&
      name !== "resource" &&
      name !== "scope"
    ) {
      yield [name, value];
    }
  }
}

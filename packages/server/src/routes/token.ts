import { DcrError } from "@accredit/core/errors";
import { withinPolicy } from "@accredit/core/registration";
import type { TokenEndpoint } from "../authorization-server/token-endpoint.ts";
import {
  authenticateRequest,
  type AuthenticateRequestOptions,
} from "../client-authentication/authenticate-request.ts";
import type { NodeRoute } from "../http/request-scope.ts";
import { readFormRequest } from "../http/form-request.ts";
import { recordRefusal } from "../refusals.ts";
import { oauthErrorReply } from "../wire/oauth-error.ts";
import { writeReply } from "../wire/reply.ts";

/** What the token route is made of. */
export interface TokenRouteOptions extends AuthenticateRequestOptions {
  readonly tokenEndpoint: TokenEndpoint;
}

/**
 * `POST /token`: authenticates the client, then lets the embedded authorization server issue
 * (RFC 6749 section 4.4). Written against Node because oidc-provider is.
 */
export function createTokenRoute(options: TokenRouteOptions): NodeRoute {
  return async (request, response, event, body) => {
    try {
      const parameters = readFormRequest(request, body);
      const authenticated = await authenticateRequest(
        request,
        parameters,
        event,
        { issuesTokens: true },
        options,
      );
      const { policy } = options.authentication;
      await options.tokenEndpoint.respond(request, response, parameters, {
        ...authenticated,
        client: withinPolicy(authenticated.client, policy),
      });
    } catch (cause) {
      if (response.headersSent) throw cause;
      const error =
        cause instanceof DcrError
          ? await recordRefusal("token.refused", cause, event, options)
          : cause;
      writeReply(response, oauthErrorReply(error, event, options.log));
    }
  };
}

import type { IncomingMessage, ServerResponse } from "node:http";
import { Hono, type Context } from "hono";
import type { JWK } from "jose";
import { DcrError } from "@accredit/core/errors";
import type { AuthenticatedClient } from "./client-authentication/authenticate.ts";
import {
  authenticateRequest,
  type AuthenticateRequestOptions,
} from "./client-authentication/authenticate-request.ts";
import { PATHS, type Endpoints } from "./endpoints.ts";
import { readFormRequest } from "./http/form-request.ts";
import { pathOf } from "./http/path.ts";
import { scopeOf } from "./http/request-scope.ts";
import { recordRefusal } from "./refusals.ts";
import {
  authorizationServerMetadata,
  type MutualTlsMetadata,
} from "./routes/metadata.ts";
import { manageClient, type ManagementOptions } from "./routes/management.ts";
import {
  introspect,
  revoke,
  type TokenStatusPorts,
} from "./routes/token-status.ts";
import type { FormParameters } from "./wire/form-parameters.ts";
import { oauthErrorReply } from "./wire/oauth-error.ts";
import {
  errorReply,
  jsonReply,
  publicJsonReply,
  toResponse,
  type Reply,
} from "./wire/reply.ts";

/** What the public routes are made of. */
export interface PublicAppOptions
  extends AuthenticateRequestOptions, ManagementOptions {
  readonly store: ManagementOptions["store"];
  readonly tokenStatus: TokenStatusPorts;
  readonly publicJwks: readonly JWK[];
  readonly scopes: readonly string[];
  readonly mutualTls: MutualTlsMetadata;
}

type Env = {
  Bindings: { incoming: IncomingMessage; outgoing: ServerResponse };
};
type Route = (context: Context<Env>) => Reply | Promise<Reply>;

/** Metadata and keys may be kept for a short while; a rotation is announced well before. */
const PUBLIC_CACHE = "public, max-age=300";

/** The public routes, all but the two that the listener serves itself. */
export function createPublicApp(options: PublicAppOptions): Hono<Env> {
  const { endpoints } = options;
  // Routes are matched byte for byte: a path in another spelling (%74oken, ./token) names nothing here.
  const app = new Hono<Env>({
    getPath: (_request, { env } = {}) =>
      pathOf((env as Env["Bindings"]).incoming),
  });

  app.onError((error, context) => {
    const { event } = scopeOf(context.env.incoming);
    return toResponse(oauthErrorReply(error, event, options.log));
  });
  app.notFound(() =>
    toResponse(
      errorReply(
        404,
        "invalid_request",
        `nothing is served here; see ${wellKnown(endpoints)} on this host`,
      ),
    ),
  );

  const serve = (
    method: "GET" | "POST",
    path: string,
    name: string,
    route: Route,
  ): void => {
    app.all(path, async (context) => {
      scopeOf(context.env.incoming).event.route = name;
      const asked = context.req.method;
      if (asked === method || (method === "GET" && asked === "HEAD"))
        return toResponse(await route(context));
      return toResponse(methodNotAllowed(method, asked));
    });
  };
  const base = endpoints.basePath;

  serve("POST", base + PATHS.introspection, PATHS.introspection, ({ env }) =>
    answerForm(env.incoming, options, async (parameters, client) =>
      jsonReply(200, await introspect(parameters, client, options.tokenStatus)),
    ),
  );

  serve("POST", base + PATHS.revocation, PATHS.revocation, ({ env }) =>
    answerForm(env.incoming, options, async (parameters, client) => {
      const { event } = scopeOf(env.incoming);
      await revoke(parameters, client, event, options.tokenStatus);
      return {
        status: 200,
        headers: { "Cache-Control": "no-store" },
        body: "",
      };
    }),
  );

  const jwks = { keys: options.publicJwks };
  serve("GET", base + PATHS.jwks, PATHS.jwks, () =>
    publicJsonReply(jwks, PUBLIC_CACHE),
  );

  const metadata = authorizationServerMetadata(
    endpoints,
    options.registrationSettings.supportedAuthMethods,
    options.scopes,
    options.mutualTls,
  );
  // RFC 8414 section 3.1 puts the well-known part before the issuer's path; OpenID Connect Discovery after.
  const wellKnownPaths = new Set([
    `/.well-known/oauth-authorization-server${base}`,
    `/.well-known/openid-configuration${base}`,
    `${base}/.well-known/openid-configuration`,
  ]);
  for (const path of wellKnownPaths) {
    serve("GET", path, "/.well-known", () =>
      publicJsonReply(metadata, PUBLIC_CACHE),
    );
  }

  app.all(`${base}${PATHS.registration}/:handle`, async (context) => {
    const { incoming } = context.env;
    scopeOf(incoming).event.route = `${PATHS.registration}/:client`;
    const handle = context.req.param("handle");
    return toResponse(await manageClient(incoming, handle, options));
  });

  for (const path of [PATHS.registration, PATHS.token]) {
    serve("POST", base + path, path, () => {
      throw new TypeError(`the listener serves POST ${path}`);
    });
  }
  return app;
}

/** Answers the form of an authenticated client about a token; a refusal leaves its audit row. */
async function answerForm(
  request: IncomingMessage,
  options: PublicAppOptions,
  answer: (
    parameters: FormParameters,
    client: AuthenticatedClient,
  ) => Promise<Reply>,
): Promise<Reply> {
  const { event, body } = scopeOf(request);
  try {
    const parameters = readFormRequest(request, body);
    const client = await authenticateRequest(
      request,
      parameters,
      event,
      { issuesTokens: false },
      options,
    );
    return await answer(parameters, client);
  } catch (error) {
    if (!(error instanceof DcrError)) throw error;
    throw await recordRefusal("token.refused", error, event, options);
  }
}

function methodNotAllowed(expected: string, asked: string): Reply {
  const error = new DcrError(
    "method_not_allowed",
    `expected ${expected}, got ${asked}`,
  );
  const allow = expected === "GET" ? "GET, HEAD" : expected;
  return errorReply(405, "invalid_request", error.message, { Allow: allow });
}

function wellKnown({ basePath }: Endpoints): string {
  return `/.well-known/oauth-authorization-server${basePath}`;
}

import { Hono } from "hono";
import { DcrError } from "@accredit/core/errors";
import type { CredentialFacts } from "@accredit/core/ports";
import { NO_BUDGET, readBody } from "../http/read-body.ts";
import { errorDescription, errorHeaders, wireError } from "../wire/errors.ts";
import { errorReply, jsonReply, toResponse } from "../wire/reply.ts";
import {
  readPath,
  readQuery,
  type AdminEnv,
  type ApiPorts,
  type ApiRoute,
} from "./api-route.ts";
import { AUDIT_ROUTES } from "./audit-routes.ts";
import { CLIENT_ROUTES } from "./client-routes.ts";
import { openApiDocument } from "./openapi.ts";
import { TRUST_ROUTES } from "./trust-routes.ts";

/** Every operation of the admin API. */
export const API_ROUTES: readonly ApiRoute[] = [
  ...CLIENT_ROUTES,
  ...TRUST_ROUTES,
  ...AUDIT_ROUTES,
];

/** The admin API, below `/api/v1`; who makes it lets nobody in but this administrator. */
export function createAdminApi(
  ports: ApiPorts,
  administrator: CredentialFacts | undefined,
): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.onError((error) => {
    if (!(error instanceof DcrError)) throw error;
    const wire = wireError(error.code);
    return toResponse(
      errorReply(
        wire.status,
        wire.error,
        errorDescription(error.message),
        errorHeaders(wire),
      ),
    );
  });

  const document = openApiDocument(API_ROUTES);
  app.get("/openapi.json", () => toResponse(jsonReply(200, document)));
  const byPath = Map.groupBy(API_ROUTES, ({ path }) => path);
  for (const [path, routes] of byPath) {
    const pattern = path.replaceAll(/\{([a-z_]+)\}/g, ":$1");
    for (const route of routes) {
      app.on(route.method.toUpperCase(), pattern, async (context) =>
        toResponse(
          await route.handle(
            {
              path: readPath(context),
              query: readQuery(context, route.query),
              body: () => readBody(context.env.incoming, NO_BUDGET),
              caller: {
                remote: context.env.incoming.socket.remoteAddress ?? null,
                ...(administrator !== undefined && {
                  credential: administrator,
                }),
              },
            },
            ports,
          ),
        ),
      );
    }
    const allow = routes.map(({ method }) => method.toUpperCase()).join(", ");
    app.all(pattern, () =>
      toResponse(
        errorReply(405, "invalid_request", `expected ${allow}, got another`, {
          Allow: allow,
        }),
      ),
    );
  }
  return app;
}

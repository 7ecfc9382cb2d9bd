import type { ApiRoute } from "./api-route.ts";
import { AUDIT_SCHEMA } from "./audit-routes.ts";
import { CLIENT_SCHEMA } from "./client-routes.ts";
import { ISSUER_SCHEMA, SUSPENSION_SCHEMA } from "./trust-routes.ts";

const json = (schema: unknown) => ({ "application/json": { schema } });
const ERROR = json({ $ref: "#/components/schemas/Error" });

/** The OpenAPI 3.1 document of the admin API, made of the routes that serve it. */
export function openApiDocument(
  routes: readonly ApiRoute[],
): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = `/api/v1${route.path}`;
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Accredit admin API",
      version: "1",
      description:
        "Clients, trust sources, withdrawals and the audit trail. Every write may be repeated: the second changes nothing.",
    },
    security: [{ adminToken: [] }],
    paths,
    components: {
      securitySchemes: {
        adminToken: {
          type: "http",
          scheme: "bearer",
          description: "The content of the file that admin.token_file names.",
        },
      },
      schemas: {
        Client: CLIENT_SCHEMA,
        Issuer: ISSUER_SCHEMA,
        Suspension: SUSPENSION_SCHEMA,
        AuditEntry: AUDIT_SCHEMA,
        Error: {
          type: "object",
          required: ["error"],
          properties: {
            error: { type: "string" },
            error_description: { type: "string" },
          },
        },
      },
    },
  };
}

const refusal = (description: string) => ({ description, content: ERROR });

function operation(route: ApiRoute): Record<string, unknown> {
  const { query = {}, body, answer, notFound } = route;
  const names = [...route.path.matchAll(/\{([a-z_]+)\}/g)].map(
    ([, name]) => name,
  );
  return {
    operationId: route.operationId,
    summary: route.summary,
    parameters: [
      ...names.map((name) => ({
        name,
        in: "path",
        required: true,
        description: "Percent-encoded.",
        schema: { type: "string" },
      })),
      ...Object.entries(query).map(([name, parameter]) => ({
        name,
        in: "query",
        ...parameter,
      })),
    ],
    ...(body === undefined ? {} : { requestBody: { content: json(body) } }),
    responses: {
      ...(answer === null
        ? { 204: { description: "Done." } }
        : { 200: { description: "The answer.", content: json(answer) } }),
      400: refusal(
        body === undefined
          ? "A parameter is wrong."
          : "A parameter or the body is wrong.",
      ),
      401: refusal("The bearer token is missing or wrong."),
      403: refusal("The API is off: no file with a bearer token is named."),
      ...(notFound === undefined ? {} : { 404: refusal(notFound) }),
      ...(body === undefined ? {} : { 413: refusal("The body is too large.") }),
      421: refusal(
        "The Host header names another host, on a listener that is bound to loopback.",
      ),
      429: refusal(
        "The bearer token was missing or wrong too often from this address; Retry-After says when to come back.",
      ),
      500: refusal("A fault of the server's; its log says more."),
      503: refusal("The store is out of reach, or has too much to do."),
    },
  };
}

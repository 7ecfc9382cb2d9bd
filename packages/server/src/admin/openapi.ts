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
      400: { description: "A parameter is wrong.", content: ERROR },
      401: {
        description: "The bearer token is missing or wrong.",
        content: ERROR,
      },
      ...(notFound === undefined
        ? {}
        : { 404: { description: notFound, content: ERROR } }),
      503: { description: "The store is out of reach.", content: ERROR },
    },
  };
}

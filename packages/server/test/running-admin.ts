import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import { FakeClientStore } from "@accredit/testkit";
import { API_ROUTES } from "../src/admin/admin-api.ts";
import {
  createAdminListener,
  type AdminOptions,
} from "../src/admin/admin-app.ts";
import { createMetrics } from "../src/admin/metrics.ts";
import { openApiDocument } from "../src/admin/openapi.ts";
import { endpointsOf } from "../src/endpoints.ts";
import { parseSpiffeIdPattern } from "@accredit/core/spiffe";

interface Operation {
  readonly responses: Readonly<Record<string, unknown>>;
}
const PATHS = Object.entries(
  openApiDocument(API_ROUTES)["paths"] as Record<
    string,
    Record<string, Operation>
  >,
);

/** What the API answers is in its document; methods and paths that it does not serve are not. */
function assertDocumented(method: string, path: string, status: number): void {
  const [, operations] =
    PATHS.find(([template]) =>
      new RegExp(`^${template.replaceAll(/\{[a-z_]+\}/g, "[^/]+")}$`).test(
        `/api/v1${path.split("?", 1)[0]}`,
      ),
    ) ?? [];
  const operation = operations?.[method.toLowerCase()];
  if (operation === undefined) return;
  assert.ok(
    Object.hasOwn(operation.responses, status),
    `${method} ${path} answered ${status}, which is not in the OpenAPI document`,
  );
}

export const ADMIN_TOKEN = "the-admin-token-of-the-tests";

/** The admin listener on a real socket, with a store in memory. */
export interface RunningAdmin {
  readonly url: string;
  readonly port: number;
  readonly store: FakeClientStore;
  /** A call below `/api/v1` with the token, unless `headers` say otherwise. */
  readonly call: (
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly token?: string },
  ) => Promise<{
    readonly status: number;
    readonly body: Record<string, unknown>;
  }>;
}

/** Starts the listener for one test and stops it afterwards. */
export async function startAdmin(
  t: TestContext,
  change: Partial<AdminOptions> = {},
): Promise<RunningAdmin> {
  const store = new FakeClientStore();
  const health = {
    trustDomain: "example.org",
    required: true,
    ready: true,
    keys: 2,
    lastSuccess: 1_750_000_000,
    lastError: null,
  };
  const server = createServer(
    createAdminListener({
      store,
      clock: { now: () => 1_750_000_000 },
      leaseNow: () => 1_750_000_000,
      trust: {
        spiffe: (trustDomain) =>
          trustDomain === "example.org"
            ? {
                trustDomain,
                issuer: { mode: "ignore", values: [] },
                keyId: "optional",
                bundle: undefined,
              }
            : undefined,
      },
      policy: [
        {
          name: "agents",
          match: {
            trust: "example.org",
            subject: parseSpiffeIdPattern("spiffe://example.org/**"),
          },
          allow: {
            grantTypes: [],
            scopes: [],
            resources: [],
            redirectUris: [],
            tokenEndpointAuthMethods: [],
          },
          attestedOnly: [],
          template: {},
          introspect: "own",
        },
      ],
      endpoints: endpointsOf("https://as.example"),
      trustHealth: () => [health],
      refreshTrust: async (name) =>
        name === "example.org" ? health : undefined,
      newAuditId: () => randomUUID(),
      log: { info: () => {}, warn: () => {}, error: () => {} },
      limitRefusal: (error) => error,
      metrics: createMetrics(() => []),
      draining: () => false,
      bearerToken: ADMIN_TOKEN,
      loopbackOnly: true,
      ...change,
    }),
  ).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    store,
    call: async (method, path, { body, token = ADMIN_TOKEN } = {}) => {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          Connection: "close",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      assertDocumented(method, path, response.status);
      return {
        status: response.status,
        body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>,
      };
    },
  };
}

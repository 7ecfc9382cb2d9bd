import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, RequestListener } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { DcrError } from "@accredit/core/errors";
import type { CredentialFacts } from "@accredit/core/ports";
import { recordRefusal, type RefusalPorts } from "../refusals.ts";
import { errorDescription, errorHeaders, wireError } from "../wire/errors.ts";
import { errorReply, jsonReply, toResponse } from "../wire/reply.ts";
import { createAdminApi } from "./admin-api.ts";
import type { AdminEnv, ApiPorts } from "./api-route.ts";
import { clockWarning } from "../clock-warning.ts";
import type { Metrics } from "./metrics.ts";

/** What the admin listener is made of. */
export interface AdminOptions extends ApiPorts, RefusalPorts {
  readonly store: ApiPorts["store"];
  readonly metrics: Metrics;
  /** Whether the server is on its way down: then it is not ready. */
  readonly draining: () => boolean;
  /** Required for everything but health; undefined only where the listener is on loopback. */
  readonly bearerToken: string | undefined;
  /** Whether the listener is bound to loopback: then a foreign Host header is an attack on a browser. */
  readonly loopbackOnly: boolean;
}

/** The admin listener: liveness, readiness, metrics, and the admin API. */
export function createAdminListener(options: AdminOptions): RequestListener {
  const app = new Hono<AdminEnv>();

  app.use(async (context, next) => {
    if (
      options.loopbackOnly &&
      !isLoopbackHost(context.env.incoming.headers.host)
    ) {
      return refuse(
        421,
        "invalid_request",
        "expected a loopback name in the Host header",
      );
    }
    return next();
  });

  app.get("/healthz", () => toResponse(jsonReply(200, { status: "alive" })));

  app.get("/readyz", async () => {
    const { problems, warnings } = await readiness(options);
    const sources = options.trustHealth().map(({ lastError, ...source }) => ({
      trust_domain: source.trustDomain,
      required: source.required,
      ready: source.ready,
      keys: source.keys,
      x509_authorities: source.x509Authorities ?? 0,
      ...(lastError === null ? {} : { last_error: lastError }),
    }));
    return toResponse(
      jsonReply(problems.length === 0 ? 200 : 503, {
        status: problems.length === 0 ? "ready" : "not ready",
        problems,
        warnings,
        trust: sources,
      }),
    );
  });

  app.get("/metrics", async (context) => {
    const { bearerToken } = options;
    if (
      bearerToken !== undefined &&
      !carriesToken(context.env.incoming, bearerToken)
    )
      return refuseCaller(context.env.incoming, options);
    const { contentType, text } = await options.metrics.render();
    return new Response(text, {
      headers: { "Content-Type": contentType, "Cache-Control": "no-store" },
    });
  });

  app.use("/api/*", async (context, next) => {
    const { bearerToken } = options;
    if (bearerToken === undefined) {
      return refuse(
        403,
        "access_denied",
        "the admin API is off: name a file with a bearer token in admin.token_file",
      );
    }
    return carriesToken(context.env.incoming, bearerToken)
      ? next()
      : refuseCaller(context.env.incoming, options);
  });
  const { bearerToken } = options;
  const administrator =
    bearerToken === undefined ? undefined : administratorFacts(bearerToken);
  app.route("/api/v1", createAdminApi(options, administrator));

  app.notFound(() => refuse(404, "invalid_request", "nothing is served here"));
  app.onError((error) => {
    const { stack } = error;
    options.log.error({ error: String(error), stack }, "admin request failed");
    return refuse(500, "server_error", "the server failed");
  });
  const serve = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  return (request, response) => void serve(request, response);
}

function refuse(...error: Parameters<typeof errorReply>): Response {
  return toResponse(errorReply(...error));
}

/** Leaves the audit row of a caller without the token, as far as its address has not had too many. */
async function refuseCaller(
  { headers: { authorization }, socket }: IncomingMessage,
  options: AdminOptions,
): Promise<Response> {
  const { code, message, data } = await recordRefusal(
    "administration.refused",
    new DcrError(
      "admin_token_invalid",
      `expected the admin bearer token, got ${authorization === undefined ? "none" : "another value"}`,
    ),
    {
      id: options.newAuditId(),
      caller: { remote: socket.remoteAddress ?? null },
    },
    options,
  );
  const wire = wireError(code);
  return refuse(wire.status, wire.error, errorDescription(message), {
    ...errorHeaders(wire, data["retryAfterSeconds"]),
    ...(wire.status === 401 && { "WWW-Authenticate": "Bearer" }),
  });
}

/** What keeps the server from serving, and what somebody should look after though it serves. */
async function readiness(
  options: AdminOptions,
): Promise<Record<"problems" | "warnings", readonly string[]>> {
  const problems: string[] = [];
  const warnings: string[] = [];
  if (options.draining()) problems.push("the server is shutting down");
  try {
    const { clockAheadSeconds } = await options.store.ping();
    const warning = clockWarning(clockAheadSeconds);
    if (warning !== undefined) warnings.push(warning);
  } catch (error) {
    problems.push(
      `store: ${error instanceof Error ? error.message : "out of reach"}`,
    );
  }
  for (const source of options.trustHealth()) {
    if (source.required && !source.ready) {
      problems.push(
        `trust domain ${source.trustDomain}: no usable keys (${source.lastError ?? "no bundle loaded yet"})`,
      );
    }
  }
  return { problems, warnings };
}

function isLoopbackHost(host: string | undefined): boolean {
  return (
    host !== undefined &&
    /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host)
  );
}

/** Compares digests, so that neither content nor length shows in the time it takes. */
function carriesToken(request: IncomingMessage, expected: string): boolean {
  const [scheme, token, ...rest] = (request.headers.authorization ?? "").split(
    " ",
  );
  if (
    scheme?.toLowerCase() !== "bearer" ||
    token === undefined ||
    rest.length > 0
  )
    return false;
  return timingSafeEqual(digest(token), digest(expected));
}

/** What audit rows say of who holds the token: one administrator is told from the next by its fingerprint. */
function administratorFacts(bearerToken: string): CredentialFacts {
  return {
    kind: "admin_token",
    trust: null,
    subject: null,
    keyId: null,
    algorithm: null,
    fingerprint: digest(bearerToken).toString("base64url"),
    issuedAt: undefined,
    expiresAt: null,
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

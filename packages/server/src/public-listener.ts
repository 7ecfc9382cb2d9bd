import type {
  IncomingMessage,
  RequestListener,
  ServerResponse,
} from "node:http";
import { getRequestListener, RequestError } from "@hono/node-server";
import { DcrError } from "@accredit/core/errors";
import type { AuditEntry } from "@accredit/core/ports";
import type { Log } from "./log.ts";
import { recordRefusal } from "./refusals.ts";
import { checkFraming } from "./http/framing.ts";
import type { ReadClientAddress } from "./http/client-address.ts";
import { pathOf } from "./http/path.ts";
import { createBodyBudget, readBody } from "./http/read-body.ts";
import { requestIds } from "./http/request-id.ts";
import {
  logFields,
  openScope,
  type NodeRoute,
  type RequestEvent,
} from "./http/request-scope.ts";
import { PATHS } from "./endpoints.ts";
import { createPublicApp, type PublicAppOptions } from "./public-app.ts";
import {
  createRegisterRoute,
  type RegisterRouteOptions,
} from "./routes/register.ts";
import { createTokenRoute, type TokenRouteOptions } from "./routes/token.ts";
import { oauthErrorReply } from "./wire/oauth-error.ts";
import { writeReply } from "./wire/reply.ts";
import type { Metrics } from "./admin/metrics.ts";
import type { AddressTurns } from "./limits/address-turns.ts";
import type { LoadGate } from "./limits/load-gate.ts";
import { createTurnAway } from "./limits/turn-away.ts";

/** What the public listener is made of. */
export interface PublicListenerOptions
  extends PublicAppOptions, TokenRouteOptions, RegisterRouteOptions {
  readonly store: PublicAppOptions["store"];
  readonly log: Log;
  readonly metrics: Metrics;
  /** Whether the server is on its way down: then each answer is the last on its connection. */
  readonly draining: () => boolean;
  /** Decides which requests are sent away unread because there are too many. */
  readonly loadGate: LoadGate;
  readonly readClientAddress: ReadClientAddress;
  /** Keeps one address from having all the work. */
  readonly turns: AddressTurns;
}

/** Of all requests together: five hundred of the largest there may be. */
const MAX_BODIES_BYTES = 32 * 1024 * 1024;

/** A route that the listener serves itself, and the audit action of a request refused on the way to it. */
interface ListenerRoute {
  readonly name: string;
  readonly refusal: AuditEntry["action"];
  readonly serve: NodeRoute;
}

/**
 * The public listener: one Node request handler. It frames the request (id, size, shape), hands it to
 * the token endpoint or to the Hono app, and writes one log line when the response is done.
 */
export function createPublicListener(
  options: PublicListenerOptions,
): RequestListener {
  const { loadGate, turns, readClientAddress } = options;
  const turnAway = createTurnAway(options);
  const bodies = createBodyBudget(MAX_BODIES_BYTES);
  const managed = `${new URL(options.endpoints.registration).pathname}/`;
  /** What is public and the same for all is none, and tells clients where to come back to. */
  const isWork = (request: IncomingMessage): boolean =>
    request.method !== "GET" || pathOf(request).startsWith(managed);
  const nextId = requestIds();
  const app = createPublicApp(options);
  const serveApp = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    // Stands in for the Host header that HTTP/1.0 need not send.
    hostname: "localhost",
    // The app answers its own errors: what comes here is a target or a Host that makes no URL.
    errorHandler: (cause) => {
      throw cause instanceof RequestError
        ? new DcrError(
            "request_malformed",
            "expected a request target and Host header that make a URL",
            { cause },
          )
        : cause;
    },
  });
  const routes = new Map<string, ListenerRoute>(
    [
      {
        path: new URL(options.endpoints.registration).pathname,
        name: PATHS.registration,
        refusal: "registration.refused" as const,
        serve: createRegisterRoute(options),
      },
      {
        path: new URL(options.endpoints.token).pathname,
        name: PATHS.token,
        refusal: "token.refused" as const,
        serve: createTokenRoute(options),
      },
    ].map((route) => [route.path, route]),
  );

  const serve = async (
    request: IncomingMessage,
    response: ServerResponse,
    event: RequestEvent,
  ) => {
    const route =
      request.method === "POST" ? routes.get(pathOf(request)) : undefined;
    if (route !== undefined) event.route = route.name;
    let leave = (): void => {};
    let endTurn = (): void => {};
    let body: Buffer | undefined;
    try {
      checkFraming(request);
      body = await readBody(request, bodies);
      // Not before: whoever sends slowly takes nobody's place.
      const { remote } = event.caller;
      if (turns.areTaken(remote) && isWork(request)) {
        endTurn = await turns.take(remote);
        if (request.socket.destroyed) return;
      }
      leave = loadGate.enter();
      if (route !== undefined) {
        await route.serve(request, response, event, body);
        return;
      }
      openScope(request, { event, body });
      // Hono's adapter takes the body from here instead of reading the stream again.
      Object.assign(request, { rawBody: body });
      await serveApp(request, response);
    } catch (cause) {
      const error =
        cause instanceof DcrError && route !== undefined
          ? await recordRefusal(route.refusal, cause, event, options)
          : cause;
      failEarly(error, response, event, options.log);
    } finally {
      leave();
      endTurn();
      bodies.giveBack(body?.length ?? 0);
    }
  };

  return (request, response) => {
    if (loadGate.isFull() && isWork(request)) {
      turnAway(request, response);
      return;
    }
    const event: RequestEvent = {
      id: nextId(),
      method: request.method ?? "",
      route: "unmatched",
      caller: { remote: readClientAddress(request) },
      status: 0,
    };
    const started = performance.now();
    response.setHeader("X-Request-Id", event.id);
    if (options.draining()) response.setHeader("Connection", "close");
    response.once("close", () => {
      event.status = response.statusCode;
      const ms = performance.now() - started;
      options.metrics.observeRequest(event.route, event.status, ms / 1000);
      options.log.info(
        {
          ...logFields(event),
          duration_ms: Math.round(ms * 1000) / 1000,
          complete: response.writableFinished,
        },
        "request",
      );
    });
    void serve(request, response, event);
  };
}

/** Answers a request that failed before a route took it, or whose route failed in a way it did not handle. */
function failEarly(
  error: unknown,
  response: ServerResponse,
  event: RequestEvent,
  log: Log,
): void {
  const reply = oauthErrorReply(error, event, log);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // The rest of the body was not read: the connection cannot carry another request.
  response.setHeader("Connection", "close");
  writeReply(response, reply);
}

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context } from "hono";
import { DcrError } from "@accredit/core/errors";
import type { AuditDraft, Clock, Store } from "@accredit/core/ports";
import { auditRow } from "@accredit/core/registration";
import type { StandingSource } from "../client-authentication/standing.ts";
import type { Endpoints } from "../endpoints.ts";
import type { Caller } from "../http/request-scope.ts";
import type { Reply } from "../wire/reply.ts";
import type { TrustSourceHealth } from "./metrics.ts";

/** What Node hands to the admin listener. */
export type AdminEnv = {
  Bindings: { incoming: IncomingMessage; outgoing: ServerResponse };
};

/** What the admin API works on. */
export interface ApiPorts extends StandingSource {
  readonly store: Store;
  readonly clock: Clock;
  readonly endpoints: Endpoints;
  readonly trustHealth: () => readonly TrustSourceHealth[];
  /** Reads a trust source anew; undefined where none has this name. */
  readonly refreshTrust: (
    name: string,
  ) => Promise<TrustSourceHealth | undefined>;
  /** Unique and time-ordered, as every audit row's. */
  readonly newAuditId: () => string;
}

/** A JSON Schema, as OpenAPI 3.1 takes it. */
export type Schema = Readonly<Record<string, unknown>>;

/** One query parameter. */
export interface QueryParameter {
  readonly description: string;
  readonly schema: Schema;
}

/** One operation of the API: what it serves, and what the OpenAPI document says of it. */
export interface ApiRoute {
  readonly method: "get" | "put" | "post" | "delete";
  /** Below `/api/v1`, with `{name}` for a path parameter. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, QueryParameter>>;
  readonly body?: Schema;
  /** The schema of the answer; null for one without a body. */
  readonly answer: Schema | null;
  readonly notFound?: string;
  handle(call: ApiCall, ports: ApiPorts): Promise<Reply>;
}

/** One call of an operation, with its parameters checked against what the route says. */
export interface ApiCall {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: () => Promise<Uint8Array>;
  readonly caller: Readonly<Caller>;
}

/**
 * The parameters of the path, decoded.
 *
 * @throws {DcrError} `request_malformed`
 */
export function readPath(
  context: Context<AdminEnv>,
): Readonly<Record<string, string>> {
  try {
    // What cannot be decoded would be taken as it is written, and name something else.
    decodeURIComponent(new URL(context.req.url).pathname);
  } catch {
    throw new DcrError(
      "request_malformed",
      "expected a path whose percent-encoding is UTF-8, got another",
    );
  }
  return context.req.param();
}

const WHOLE = /^(0|[1-9][0-9]{0,14})$/;

/**
 * The query of a request: only parameters that the route knows, each once.
 *
 * @throws {DcrError} `request_malformed`
 */
export function readQuery(
  context: Context<AdminEnv>,
  known: ApiRoute["query"] = {},
): Readonly<Record<string, string>> {
  const entries = Object.entries(context.req.queries());
  for (const [name, values] of entries) {
    if (!Object.hasOwn(known, name) || values.length !== 1) {
      throw new DcrError(
        "request_malformed",
        Object.hasOwn(known, name)
          ? `expected the parameter ${name} once, got ${values.length}`
          : `expected parameters of ${Object.keys(known).join(", ") || "none"}, got another`,
      );
    }
  }
  return Object.fromEntries(
    entries.map(([name, [value = ""]]) => [name, value]),
  );
}

/**
 * A whole number of the query; undefined where it is left out.
 *
 * @throws {DcrError} `request_malformed`
 */
export function wholeNumber(
  query: ApiCall["query"],
  name: string,
): number | undefined {
  const text = query[name];
  if (text === undefined) return undefined;
  if (!WHOLE.test(text)) {
    throw new DcrError(
      "request_malformed",
      `expected ${name} as a whole number from 0, got another value`,
    );
  }
  return Number(text);
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 500;

/**
 * How many rows a page may hold.
 *
 * @throws {DcrError} `request_malformed`
 */
export function pageLimit(query: ApiCall["query"]): number {
  const limit = wholeNumber(query, "limit") ?? DEFAULT_LIMIT;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new DcrError(
    "request_malformed",
    `expected limit from 1 to ${MAX_LIMIT}, got ${limit}`,
  );
}

/** The parameters of a page. */
export const PAGE_QUERY = {
  limit: {
    description: `Rows of a page, ${DEFAULT_LIMIT} where left out.`,
    schema: { type: "integer", minimum: 1, maximum: MAX_LIMIT },
  },
} as const;

/** The part of an audit row that is known of an administrative act: by which token, from where. */
export function adminAudit({ caller }: ApiCall, ports: ApiPorts): AuditDraft {
  const { remote, credential = null } = caller;
  const request = { requestId: ports.newAuditId(), remote };
  return auditRow(request, ports.clock.now(), { rule: null, credential });
}

import type { IncomingMessage, ServerResponse } from "node:http";
import type { DcrErrorCode } from "@accredit/core/errors";
import type { CredentialFacts } from "@accredit/core/ports";
import type { RegisteredClient } from "@accredit/core/registration";

/** Who a request is from, as far as it is known: filled as it is judged, and what its audit rows say. */
export interface Caller {
  /** The peer's address as the listener saw it. */
  readonly remote: string | null;
  /** What was proven, whatever becomes of it. */
  credential?: CredentialFacts;
  /** The client that was found for it. */
  client?: RegisteredClient;
}

/**
 * What is known of one request, filled as it flows and logged once when it is done. Holds no header,
 * query or body: nothing in it can be a credential.
 */
export interface RequestEvent {
  readonly id: string;
  readonly method: string;
  /** The route, never the raw path: a path may hold something secret. */
  route: string;
  readonly caller: Caller;
  status: number;
  /** The stable reason code of a refusal. */
  code?: DcrErrorCode;
  /** What was expected and what came; may say more than the response did, never a credential. */
  reason?: string;
  /** How the client authenticated. */
  auth_method?: string;
  outcome?: string;
}

/** What the log says of a request: the caller by names. */
export function logFields({
  caller: { remote, credential, client },
  ...event
}: RequestEvent): Readonly<Record<string, unknown>> {
  return {
    ...event,
    remote,
    ...(client !== undefined && {
      client_id: client.clientId,
      subject: client.subject,
      rule: client.rule,
    }),
    ...(credential !== undefined && {
      // One of those that the client stands for, where it stands for many.
      subject: credential.subject,
      credential: credential.fingerprint,
    }),
  };
}

/** The request as the routes see it: its event and its whole body, already within the size limit. */
export interface RequestScope {
  readonly event: RequestEvent;
  readonly body: Buffer;
}

const scopes = new WeakMap<IncomingMessage, RequestScope>();

/** Ties a scope to the Node request that Hono hands back to the routes. */
export function openScope(request: IncomingMessage, scope: RequestScope): void {
  scopes.set(request, scope);
}

/**
 * The scope of a request.
 *
 * @throws {TypeError} if the request did not come through our listener
 */
export function scopeOf(request: IncomingMessage): RequestScope {
  const scope = scopes.get(request);
  if (scope === undefined)
    throw new TypeError("the request has no scope: it bypassed the listener");
  return scope;
}

/** A route written against Node: it writes the whole response, and throws only before writing any of it. */
export type NodeRoute = (
  request: IncomingMessage,
  response: ServerResponse,
  event: RequestEvent,
  body: Buffer,
) => Promise<void>;

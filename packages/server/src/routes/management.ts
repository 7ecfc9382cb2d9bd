import type { IncomingMessage } from "node:http";
import { DcrError } from "@accredit/core/errors";
import type { JsonObject } from "@accredit/core/json";
import type { ClientLifecycle } from "@accredit/core/ports";
import {
  auditRow,
  hashManagementToken,
  updateRegistration,
  type RegisteredClient,
  type RegistrationPorts,
  type RegistrationSettings,
} from "@accredit/core/registration";
import type { Endpoints } from "../endpoints.ts";
import { readDpop } from "../http/dpop-header.ts";
import { checkMediaType } from "../http/framing.ts";
import { parseJsonObject } from "../http/json-body.ts";
import { scopeOf } from "../http/request-scope.ts";
import {
  authenticateManager,
  type Manager,
  type ManagerPorts,
} from "../management/authenticate-manager.ts";
import { recordRefusal, type RefusalPorts } from "../refusals.ts";
import { clientInformation, withToken } from "../wire/client-response.ts";
import { authenticationWireError } from "../wire/errors.ts";
import { errorReply, jsonReply, type Reply } from "../wire/reply.ts";

const INVALID = { "WWW-Authenticate": 'Bearer error="invalid_token"' };

/** What the management route is made of. */
export interface ManagementOptions extends ManagerPorts, RefusalPorts {
  readonly endpoints: Endpoints;
  readonly registrationSettings: RegistrationSettings;
  readonly registrationPorts: RegistrationPorts;
  readonly store: RefusalPorts["store"] &
    Pick<ClientLifecycle, "deleteClient" | "rotateManagementToken">;
}

const METHODS = "GET, PUT, DELETE";
const REFUSED =
  "expected the SVID of the registered client (a JWT-SVID with this URI as its only audience in Authorization: Bearer, or an X509-SVID in mutual TLS), its registration access token, or a private_key_jwt assertion for this URI in Authorization: Bearer";

/**
 * `GET`, `PUT` and `DELETE` on a `registration_client_uri`: the client reads, updates and deletes its own
 * registration (RFC 7592). Whoever proves to be the client may; no token is stored for it.
 */
export async function manageClient(
  request: IncomingMessage,
  handle: string,
  options: ManagementOptions,
): Promise<Reply> {
  const { method = "" } = request;
  if (!METHODS.split(", ").includes(method)) {
    const text = `expected ${METHODS}, got ${method}`;
    return errorReply(405, "invalid_request", text, { Allow: METHODS });
  }
  const { event } = scopeOf(request);
  const uri = `${options.endpoints.registration}/${handle}`;
  let manager: Manager;
  try {
    const named = { handle, uri };
    manager = await authenticateManager(request, named, options, event.caller);
  } catch (error) {
    if (!(error instanceof DcrError)) throw error;
    if (authenticationWireError(error.code).status >= 500) throw error;
    const refusal = await recordRefusal(
      "management.refused",
      error,
      event,
      options,
    );
    if (refusal.code === "rate_limited") throw refusal;
    return refusedReply(error, request.headers.authorization === undefined);
  }
  if (method === "PUT") {
    try {
      return await update(request, uri, manager, options);
    } catch (error) {
      // Deleted, or ended, between the proof and the write.
      if (error instanceof DcrError && error.code === "client_unknown")
        return refusedReply(error, false);
      throw error;
    }
  }
  if (method === "DELETE") return remove(request, manager, options);
  return information(manager.client, manager, options);
}

/** What a client may know of itself, with a new token where it used one: a token is good once (MGMT-07). */
async function information(
  client: RegisteredClient,
  { tokenHash }: Manager,
  { endpoints, registrationPorts, store }: ManagementOptions,
): Promise<Reply> {
  const body = clientInformation(client, endpoints);
  if (tokenHash === undefined) return jsonReply(200, body);
  const next = registrationPorts.newManagementToken();
  const isRotated = await store.rotateManagementToken(
    client.clientId,
    tokenHash,
    hashManagementToken(next),
  );
  // Somebody used the same token at the same moment: only one of the two gets the new one.
  if (!isRotated) return errorReply(401, "invalid_token", REFUSED, INVALID);
  return jsonReply(200, { ...body, ...withToken(next) });
}

async function update(
  request: IncomingMessage,
  uri: string,
  manager: Manager,
  options: ManagementOptions,
): Promise<Reply> {
  const { client, subject, credential } = manager;
  const { event } = scopeOf(request);
  const { body, dpop } = await readUpdate(request, options);
  const { endpoints, registrationPorts } = options;
  // Replaced in the same write: of two updates with one token, one is made.
  const next =
    manager.tokenHash === undefined
      ? undefined
      : registrationPorts.newManagementToken();
  const outcome = await updateRegistration(
    {
      body,
      requestId: event.id,
      remote: event.caller.remote,
      client,
      subject,
      credential,
      uri,
      dpop,
      nextTokenHash: next && hashManagementToken(next),
    },
    options.registrationSettings,
    registrationPorts,
  );
  event.caller.client = outcome.client;
  event.outcome = "updated";
  return jsonReply(200, {
    ...clientInformation(outcome.client, endpoints),
    ...(next !== undefined && withToken(next)),
  });
}

/** What a manager sent; a refusal leaves its audit row, as one of what it says does. */
async function readUpdate(
  request: IncomingMessage,
  options: RefusalPorts,
): Promise<{ readonly body: JsonObject; readonly dpop: string | undefined }> {
  const { event, body } = scopeOf(request);
  try {
    checkMediaType(request, "application/json");
    return { body: parseJsonObject(body), dpop: readDpop(request) };
  } catch (error) {
    if (!(error instanceof DcrError)) throw error;
    throw await recordRefusal("management.refused", error, event, options);
  }
}

async function remove(
  request: IncomingMessage,
  { client, subject, credential }: Manager,
  { store, clock }: ManagementOptions,
): Promise<Reply> {
  if (subject !== client.subject) {
    return errorReply(
      403,
      "access_denied",
      "the registration is shared by many instances, and none of them may delete it",
    );
  }
  const { event } = scopeOf(request);
  const { remote } = event.caller;
  const audit = auditRow({ requestId: event.id, remote }, clock.now(), {
    rule: client.rule,
    credential,
  });
  await store.deleteClient(client.clientId, audit);
  event.outcome = "deleted";
  return { status: 204, headers: { "Cache-Control": "no-store" }, body: "" };
}

/**
 * MGMT-02: one answer for a bad credential and for a client that is gone, so that neither tells of clients;
 * a client that proved itself and is suspended learns that.
 */
function refusedReply(error: DcrError, sentNothing: boolean): Reply {
  if (
    error.code === "registration_suspended" ||
    error.code === "registration_withdrawn"
  )
    return errorReply(403, "access_denied", "the registration is suspended");
  const isBare = sentNothing && error.code === "client_assertion_missing";
  return errorReply(
    401,
    "invalid_token",
    error.code === "registration_expired"
      ? "the registration has ended: register again"
      : REFUSED,
    {
      "WWW-Authenticate": "Bearer",
      ...(isBare ? {} : INVALID),
    },
  );
}

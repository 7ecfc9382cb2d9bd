import type { IncomingMessage } from "node:http";
import { DcrError } from "@accredit/core/errors";
import { parseStrictJson, type JsonObject } from "@accredit/core/json";
import {
  register,
  type RegistrationPorts,
  type RegistrationSettings,
} from "@accredit/core/registration";
import { checkMediaType } from "../http/framing.ts";
import { MAX_BODY_BYTES } from "../http/read-body.ts";
import { scopeOf } from "../http/request-scope.ts";
import { recordRefusal, type RefusalPorts } from "../refusals.ts";
import { clientResponse } from "../wire/client-response.ts";
import { jsonResponse } from "../wire/json-response.ts";

const MAX_JSON_DEPTH = 32;

/**
 * `POST /register`: client registration (RFC 7591 section 3) with a trusted issuer credential.
 *
 * @throws {DcrError}
 */
export async function registerRoute(
  request: IncomingMessage,
  settings: RegistrationSettings,
  ports: RegistrationPorts & RefusalPorts,
): Promise<Response> {
  const { event, body } = scopeOf(request);
  const registration = await register(
    {
      body: await readRequest(request, body, ports),
      requestId: event.id,
      remote: event.remote,
    },
    settings,
    ports,
  );
  event.client_id = registration.client.clientId;
  event.subject = registration.client.spiffeId.uri;
  event.rule = registration.client.rule;
  event.outcome = registration.created ? "registered" : "updated";
  return jsonResponse(201, clientResponse(registration));
}

/** The request body as one JSON object; what is not leaves its audit row here, before the use case. */
async function readRequest(
  request: IncomingMessage,
  body: Buffer,
  ports: RefusalPorts,
): Promise<JsonObject> {
  try {
    checkMediaType(request, "application/json");
    return parseBody(body);
  } catch (error) {
    if (error instanceof DcrError) {
      await recordRefusal(
        "registration.refused",
        error,
        scopeOf(request).event,
        ports,
      );
    }
    throw error;
  }
}

function parseBody(body: Buffer): JsonObject {
  const value = parseStrictJson(body, {
    maxBytes: MAX_BODY_BYTES,
    maxDepth: MAX_JSON_DEPTH,
  });
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new DcrError(
      "request_malformed",
      "expected a JSON object as the request body",
    );
  }
  return value as JsonObject;
}

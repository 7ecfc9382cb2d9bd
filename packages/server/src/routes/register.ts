import type { IncomingMessage } from "node:http";
import { DcrError } from "@accredit/core/errors";
import {
  register,
  type RegistrationPorts,
  type RegistrationRequest,
  type RegistrationSettings,
} from "@accredit/core/registration";
import { checkMediaType } from "../http/framing.ts";
import { readAttestationHeaders } from "../http/attestation-headers.ts";
import { readDpop } from "../http/dpop-header.ts";
import { parseJsonObject } from "../http/json-body.ts";
import type { Endpoints } from "../endpoints.ts";
import type { NodeRoute, RequestEvent } from "../http/request-scope.ts";
import { recordRefusal, type RefusalPorts } from "../refusals.ts";
import { clientResponse } from "../wire/client-response.ts";
import type { Metrics } from "../admin/metrics.ts";
import { oauthErrorReply } from "../wire/oauth-error.ts";
import { jsonReply, writeReply, type Reply } from "../wire/reply.ts";

/** What the registration route is made of. */
export interface RegisterRouteOptions extends RefusalPorts {
  readonly registrationSettings: RegistrationSettings;
  readonly registrationPorts: RegistrationPorts;
  readonly endpoints: Endpoints;
  readonly metrics: Metrics;
}

/**
 * `POST /register`: client registration (RFC 7591 section 3) with a trusted issuer credential. Written
 * against Node: it is one of the two routes whose speed people feel.
 */
export function createRegisterRoute(options: RegisterRouteOptions): NodeRoute {
  const { registrationSettings, registrationPorts, metrics, log } = options;
  return async (request, response, event, body) => {
    let reply: Reply;
    try {
      const registration = await register(
        {
          ...(await readRequest(request, event, body, options)),
          requestId: event.id,
          remote: event.caller.remote,
        },
        registrationSettings,
        registrationPorts,
      );
      event.caller.client = registration.client;
      event.outcome = registration.created ? "registered" : "updated";
      metrics.countRegistration("ok");
      reply = jsonReply(201, clientResponse(registration, options.endpoints));
    } catch (error) {
      reply = oauthErrorReply(error, event, log);
      metrics.countRegistration(event.code ?? "server_error");
    }
    writeReply(response, reply);
  };
}

/** The body as one JSON object, and the proofs beside it; what is malformed leaves its audit row here, before the use case. */
async function readRequest(
  request: IncomingMessage,
  event: RequestEvent,
  body: Buffer,
  ports: RefusalPorts & Pick<RegisterRouteOptions, "registrationSettings">,
): Promise<Pick<RegistrationRequest, "body" | "dpop" | "attestation">> {
  try {
    checkMediaType(request, "application/json");
    return {
      body: parseJsonObject(body),
      dpop: readDpop(request),
      attestation: readAttestationHeaders(request, {
        takesWit: ports.registrationSettings.attestationAudiences !== undefined,
      }),
    };
  } catch (error) {
    if (error instanceof DcrError) {
      throw await recordRefusal("registration.refused", error, event, ports);
    }
    throw error;
  }
}

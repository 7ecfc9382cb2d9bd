import type { IncomingMessage } from "node:http";
import { DcrError } from "@accredit/core/errors";
import { readAttestationHeaders } from "../http/attestation-headers.ts";
import type { ReadClientCertificates } from "../http/client-certificate.ts";
import type { RequestEvent } from "../http/request-scope.ts";
import { recordRefusal, type RefusalPorts } from "../refusals.ts";
import { authenticationWireError } from "../wire/errors.ts";
import type { FormParameters } from "../wire/form-parameters.ts";
import {
  authenticateClient,
  type AuthenticatedClient,
  type AuthenticatingEndpoint,
  type AuthenticationPorts,
} from "./authenticate.ts";

/** A refused client authentication; its wire form is one text whatever the reason (CAUTH-18). */
export class AuthenticationRefused extends Error {
  override readonly name = "AuthenticationRefused";
  override readonly cause: DcrError;
  /** Whether the caller tried the `Authorization` header, which RFC 6749 section 5.2 wants answered. */
  readonly usedAuthorization: boolean;

  constructor(cause: DcrError, usedAuthorization: boolean) {
    super(cause.message);
    this.cause = cause;
    this.usedAuthorization = usedAuthorization;
  }
}

/** What authenticating an HTTP request needs beside the rules. */
export interface AuthenticateRequestOptions extends RefusalPorts {
  readonly authentication: AuthenticationPorts;
  readonly readClientCertificates: ReadClientCertificates;
}

/**
 * Authenticates the client of an HTTP request and notes the outcome in the request's event; a refusal
 * leaves one audit row.
 *
 * @throws {AuthenticationRefused} when the credential does not do
 * @throws {DcrError} when the request is malformed or keys or store are out of reach
 */
export async function authenticateRequest(
  request: IncomingMessage,
  parameters: FormParameters,
  event: RequestEvent,
  endpoint: AuthenticatingEndpoint,
  options: AuthenticateRequestOptions,
): Promise<AuthenticatedClient> {
  const { authorization } = request.headers;
  try {
    const authenticated = await authenticateClient(
      {
        parameters,
        authorization,
        attestation: readAttestationHeaders(request, options.authentication),
        certificates: options.readClientCertificates(request),
      },
      endpoint,
      options.authentication,
      event.caller,
    );
    event.auth_method = authenticated.method;
    return authenticated;
  } catch (error) {
    if (
      !(error instanceof DcrError) ||
      authenticationWireError(error.code).status >= 500
    )
      throw error;
    const refusal = await recordRefusal(
      "authentication.refused",
      error,
      event,
      options,
    );
    if (authenticationWireError(refusal.code).error !== "invalid_client")
      throw refusal;
    throw new AuthenticationRefused(refusal, authorization !== undefined);
  }
}

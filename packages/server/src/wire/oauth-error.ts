import { DcrError, type DcrErrorCode } from "@accredit/core/errors";
import { AuthenticationRefused } from "../client-authentication/authenticate-request.ts";
import type { RequestEvent } from "../http/request-scope.ts";
import type { Log } from "../log.ts";
import { errorDescription, errorHeaders, wireError } from "./errors.ts";
import { errorReply, type Reply } from "./reply.ts";

const AUTHENTICATION_REFUSED =
  "client authentication failed: expected an SVID of a registered client by one of the methods in the server's metadata: a JWT-SVID in client_assertion with the issuer identifier as its only audience, or an X509-SVID in mutual TLS with client_id";

/**
 * What only a caller learns who proved who it is: that its registration, not its credential, is why.
 */
const PROVEN: Partial<Record<DcrErrorCode, string>> = {
  registration_expired:
    "the registration has ended: register again with a valid credential, and the same client_id comes back",
  registration_suspended: "the registration is suspended by the operator",
  credential_revoked:
    "the credential that the client registered with was revoked by its issuer",
  credential_suspended:
    "the credential that the client registered with is suspended by its issuer",
  registration_withdrawn:
    "what let the client in is gone from the server's configuration: register again, or ask its operator",
};

/**
 * The reply to whatever a route threw, noted in the request's event. An unknown error becomes
 * `server_error` with the request's id and is logged in full; its text does not leave the server.
 */
export function oauthErrorReply(
  error: unknown,
  event: RequestEvent,
  log: Log,
): Reply {
  if (error instanceof AuthenticationRefused) {
    event.code = error.cause.code;
    event.reason = error.cause.message;
    return errorReply(
      401,
      "invalid_client",
      `${PROVEN[error.cause.code] ?? AUTHENTICATION_REFUSED} (the server's log has the reason under ${event.id})`,
      error.usedAuthorization
        ? {
            "WWW-Authenticate":
              'Basic realm="clients authenticate with an SVID"',
          }
        : {},
    );
  }
  if (error instanceof DcrError) {
    event.code = error.code;
    event.reason = error.message;
    const wire = wireError(error.code);
    return errorReply(
      wire.status,
      wire.error,
      errorDescription(error.message),
      errorHeaders(wire, error.data["retryAfterSeconds"]),
    );
  }
  const stack = error instanceof Error ? error.stack : undefined;
  log.error({ id: event.id, error: String(error), stack }, "request failed");
  return errorReply(
    500,
    "server_error",
    `the server failed; its log names this request ${event.id}`,
  );
}

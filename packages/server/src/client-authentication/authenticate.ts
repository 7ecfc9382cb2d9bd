import { DcrError } from "@accredit/core/errors";
import {
  JWT_SPIFFE_ASSERTION_TYPE,
  verifyClientAssertion,
  type VerifiedCredential,
} from "@accredit/core/credential";
import type { Clock } from "@accredit/core/ports";
import type {
  RegisteredClient,
  SpiffeAuthMethod,
} from "@accredit/core/registration";
import type { TrustSource } from "@accredit/core/trust";
import type { FormParameters } from "../wire/form-parameters.ts";
import { findSpiffeClient, type FindClientPorts } from "./find-client.ts";

/** The parameters of client authentication; they go no further than this step. */
export const CLIENT_AUTHENTICATION_PARAMETERS: ReadonlySet<string> = new Set([
  "client_id",
  "client_secret",
  "client_assertion",
  "client_assertion_type",
]);

declare const authenticated: unique symbol;

/** A client that proved who it is in this very request. Only {@link authenticateClient} makes one. */
export interface AuthenticatedClient {
  readonly [authenticated]: true;
  readonly client: RegisteredClient;
  readonly method: SpiffeAuthMethod;
  readonly credential: VerifiedCredential;
}

/** What client authentication needs of the world. Times in seconds. */
export interface AuthenticationPorts extends FindClientPorts {
  readonly clock: Clock;
  readonly trust: TrustSource;
  /** The authorization server's issuer identifier: the only audience of an assertion (CAUTH-04). */
  readonly issuer: string;
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly maxAgeSeconds: number;
}

/** What an HTTP request says of its client. */
export interface PresentedAuthentication {
  readonly parameters: FormParameters;
  readonly authorization: string | undefined;
}

/**
 * Authenticates the client of a request by its JWT-SVID (`spiffe_jwt`). The order is a security
 * property: nothing is looked up before the credential is verified, so that an unknown client and a
 * wrong key cannot be told apart.
 *
 * @throws {DcrError} the reason; the wire shows one text for all of them (CAUTH-18)
 * @see draft-ietf-oauth-spiffe-client-auth section 3.1
 */
export async function authenticateClient(
  presented: PresentedAuthentication,
  ports: AuthenticationPorts,
): Promise<AuthenticatedClient> {
  // 1. Exactly one mechanism, and the one we take (CAUTH-01, CAUTH-02).
  const assertion = readAssertion(presented);

  // 2. The credential, by the same rules that registration uses, for our issuer identifier alone.
  const credential = await verifyClientAssertion(assertion, ports.trust, {
    audiences: [ports.issuer],
    now: ports.clock.now(),
    clockToleranceSeconds: ports.clockToleranceSeconds,
    maxLifetimeSeconds: ports.maxLifetimeSeconds,
    maxAgeSeconds: ports.maxAgeSeconds,
  });

  // 3. The client that this SPIFFE ID registered (CAUTH-06).
  const client = await findSpiffeClient(
    credential.subject,
    presented.parameters.get("client_id"),
    ports,
  );

  // Any spiffe_* method serves a SPIFFE client (CAUTH-15), whichever its metadata names.
  return { client, method: "spiffe_jwt", credential } as AuthenticatedClient;
}

function readAssertion({
  parameters,
  authorization,
}: PresentedAuthentication): string {
  const assertion = parameters.get("client_assertion");
  const assertionType = parameters.get("client_assertion_type");
  const mechanisms = [
    authorization,
    parameters.get("client_secret"),
    assertion ?? assertionType,
  ].filter((mechanism) => mechanism !== undefined);
  if (mechanisms.length > 1) {
    throw new DcrError(
      "request_malformed",
      "expected one client authentication mechanism, got several (Authorization header, client_secret, client_assertion)",
    );
  }
  if (
    authorization !== undefined ||
    parameters.get("client_secret") !== undefined
  ) {
    throw new DcrError(
      "client_auth_method_not_allowed",
      "expected a JWT-SVID in client_assertion, got a client secret or an Authorization header",
    );
  }
  if (assertionType === undefined) {
    throw new DcrError(
      "client_assertion_type_unsupported",
      assertion === undefined
        ? "expected client authentication, got none"
        : "expected client_assertion_type, got none",
    );
  }
  if (assertionType !== JWT_SPIFFE_ASSERTION_TYPE) {
    throw new DcrError(
      "client_assertion_type_unsupported",
      `expected client_assertion_type ${JWT_SPIFFE_ASSERTION_TYPE}, got another`,
    );
  }
  if (assertion === undefined) {
    throw new DcrError(
      "client_assertion_missing",
      "expected client_assertion beside client_assertion_type",
    );
  }
  return assertion;
}

import type { CheckListener } from "../credential/checks.ts";
import type { JsonObject } from "../json/index.ts";
import type { ClientStore, Clock, RegistrationOutcome } from "../ports.ts";
import type { TrustSource } from "../trust/index.ts";
import type { SpiffeAuthMethod } from "./client.ts";
import type { Policy } from "./policy.ts";

/** What the registration use case needs of the world. */
export interface RegistrationPorts {
  readonly clock: Clock;
  readonly trust: TrustSource;
  readonly store: Pick<ClientStore, "register" | "appendAudit">;
  /** A new opaque `client_id`; unguessable. */
  readonly newClientId: () => string;
}

/** What the operator decided, once, at start. */
export interface RegistrationSettings {
  /** Accepted `aud` values; one of them must be the sole audience. Holds the registration endpoint URL. */
  readonly audiences: readonly string[];
  readonly policy: Policy;
  readonly clientId: "spiffe_id" | "opaque";
  /** What the embedded authorization server can do. */
  readonly supportedGrantTypes: readonly string[];
  readonly supportedAuthMethods: readonly SpiffeAuthMethod[];
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly maxAgeSeconds: number;
}

/** One registration request, after the wire layer parsed the bytes strictly. */
export interface RegistrationRequest {
  /** The whole request body, `software_statement` included. */
  readonly body: JsonObject;
  /** Names the request in the audit trail (UUID version 7). */
  readonly requestId: string;
  readonly remote: string | null;
  readonly onCheck?: CheckListener;
}

/** What the response needs: the client, whether it is new, and the statement to echo byte for byte. */
export interface Registration extends RegistrationOutcome {
  readonly softwareStatement: string;
}

/**
 * Registers the client that a statement attests. A refusal throws, having written one audit row and
 * nothing else.
 *
 * @throws {DcrError}
 */
export function register(
  _request: RegistrationRequest,
  _settings: RegistrationSettings,
  _ports: RegistrationPorts,
): Promise<Registration> {
  return Promise.reject(new Error("not yet"));
}

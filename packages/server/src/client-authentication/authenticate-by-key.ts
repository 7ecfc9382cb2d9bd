import { DcrError } from "@accredit/core/errors";
import {
  readAssertionClient,
  verifyPrivateKeyJwt,
} from "@accredit/core/credential";
import type { ClientStore, Clock, ReplayGuard } from "@accredit/core/ports";
import type { Policy, RegisteredClient } from "@accredit/core/registration";
import type { Caller } from "../http/request-scope.ts";
import type { RenewLease } from "./renew-lease.ts";
import { requireMethod } from "./require-method.ts";
import { requireStanding, type StandingSource } from "./standing.ts";

/** What authenticating by a registered key needs of the world. Times in seconds. */
export interface KeyAuthenticationPorts extends StandingSource {
  readonly clock: Clock;
  readonly policy: Policy;
  readonly store: Pick<ClientStore, "findClient"> &
    ReplayGuard &
    StandingSource["store"];
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly renewLease: RenewLease;
}

/** What an assertion by a key has to say. */
export interface KeyAssertionClaims {
  /** Its only audience. */
  readonly audience: string;
  /** The client, where the request names one. */
  readonly clientId: string | undefined;
}

/**
 * Authenticates a client of a Verifiable Credential by `private_key_jwt`, with the keys it registered. An
 * assertion is good once (CAUTH-16). A SPIFFE client has no such keys, whatever its `jwks` says.
 *
 * @throws {DcrError} why not
 * @see RFC 7523 section 2.2
 */
export async function authenticateByKey(
  assertion: string,
  { audience, clientId }: KeyAssertionClaims,
  ports: KeyAuthenticationPorts,
  caller: Caller,
): Promise<{
  readonly client: RegisteredClient;
  readonly method: "private_key_jwt";
  readonly subject: string;
}> {
  const { clock, store, clockToleranceSeconds } = ports;
  // Unverified: it only says whose keys to verify it with.
  const claimed = readAssertionClient(assertion);
  if (clientId !== undefined && clientId !== claimed) {
    throw new DcrError(
      "client_mismatch",
      "client_id names another client than the assertion does",
    );
  }
  const client = await store.findClient(claimed);
  if (client?.kind !== "vc") {
    throw new DcrError(
      "client_unknown",
      "no client that authenticates with its own key has the client_id of the assertion",
    );
  }
  const proof = await verifyPrivateKeyJwt(assertion, client, {
    ...ports,
    audience,
    now: clock.now(),
  });
  const { trust, subject } = client;
  const { kind, keyId, algorithm, fingerprint, expiresAt } = proof;
  caller.client = client;
  caller.credential = {
    kind,
    trust,
    subject,
    keyId,
    algorithm,
    fingerprint,
    issuedAt: undefined,
    expiresAt,
  };
  requireMethod(client, "private_key_jwt", ports.policy);
  await requireStanding(client, client.subject, ports);
  // Claimed last: what is refused for another reason is not used up, and nobody else can use it up.
  const key = `private_key_jwt ${client.clientId} ${proof.tokenId}`;
  const end = Math.ceil(expiresAt + clockToleranceSeconds);
  if (!(await store.claimOnce(key, end))) {
    throw new DcrError(
      "assertion_replayed",
      "expected an assertion that was not used before, got one that was",
    );
  }
  ports.renewLease(client, caller);
  return { client, method: "private_key_jwt", subject };
}

import { DcrError } from "@accredit/core/errors";
import type { ClientLifecycle, Clock } from "@accredit/core/ports";
import {
  clientSubjects,
  suspended,
  withdrawalOf,
  type Policy,
  type RegisteredClient,
} from "@accredit/core/registration";
import { parseSpiffeId } from "@accredit/core/spiffe";
import type { TrustSource } from "@accredit/core/trust";
import { requireGoodStatus, type CredentialStatuses } from "@accredit/core/vc";
import { isTargetOf } from "@accredit/core/withdrawal";

/** What telling whether a client still stands needs of the world. */
export interface StandingSource {
  readonly store: Pick<ClientLifecycle, "suspensionsOf" | "noRoomSince">;
  readonly trust: TrustSource;
  readonly policy: Policy;
  /** Epoch seconds by which leases end. */
  readonly leaseNow: () => number;
  readonly clock: Clock;
  /** Where the status of Verifiable Credentials is asked; absent where none is trusted. */
  readonly statuses?: CredentialStatuses | undefined;
}

/**
 * Lets a client pass that stands: its lease runs, nothing it depends on is withdrawn or gone (TOK-10).
 * `instance` is the subject that was proven, where the client stands for many.
 *
 * @throws {DcrError} `registration_expired`, `registration_suspended`, `registration_withdrawn`,
 * `credential_revoked`, `credential_suspended`, `source_unavailable`, `store_unavailable`
 */
export async function requireStanding(
  client: RegisteredClient,
  instance: string,
  { store, trust, policy, leaseNow, clock, statuses }: StandingSource,
): Promise<void> {
  // Read anew for each request: what one node withdraws, every node refuses from its next request on.
  const asInstance = { trust: client.trust, subject: instance };
  const suspensions = await store.suspensionsOf([client, asInstance]);
  const ofInstance = suspensions.find((each) => isTargetOf(each, asInstance));
  const withdrawal =
    ofInstance === undefined
      ? withdrawalOf(client, {
          trust,
          policy,
          suspensions,
          now: leaseNow(),
          leasesStillSince: store.noRoomSince(),
        })
      : suspended(ofInstance);
  if (withdrawal !== undefined)
    throw new DcrError(withdrawal.code, withdrawal.message);
  if (
    client.subject !== instance &&
    !clientSubjects(policy, parseSpiffeId(instance)).includes(client.subject)
  ) {
    throw new DcrError(
      "registration_withdrawn",
      "the policy no longer has the SPIFFE ID share this client",
    );
  }
  if (client.kind !== "vc") return;
  if (trust.credentialIssuer?.(client.trust)?.status === "off") return;
  // Asked of the list as it is now: what the issuer withdraws stops without anything being written here.
  await requireGoodStatus(
    { issuer: client.trust, status: client.credential.status },
    statuses,
    clock.now(),
  );
}

/** Whether a client stands, for callers who may not learn why it does not. */
export async function stands(
  client: RegisteredClient,
  instance: string | undefined,
  source: StandingSource,
): Promise<boolean> {
  try {
    await requireStanding(client, instance ?? client.subject, source);
    return true;
  } catch (error) {
    if (error instanceof DcrError && error.code !== "store_unavailable")
      return false;
    throw error;
  }
}

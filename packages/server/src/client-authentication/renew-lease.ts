import type { AuditDraft, ClientLifecycle } from "@accredit/core/ports";
import type { Policy, RegisteredClient } from "@accredit/core/registration";
import type { Caller } from "../http/request-scope.ts";
import type { Log } from "../log.ts";

/** Hears of a client that has authenticated. */
export type RenewLease = (
  client: RegisteredClient,
  caller: Readonly<Caller>,
) => void;

/** A lease is renewed once this much of it is used, so that it costs a write now and then, not each time. */
const USED_FRACTION = 0.25;

/** What renewing leases needs of the world. */
export interface RenewalPorts {
  readonly store: Pick<ClientLifecycle, "renewLease">;
  readonly policy: Policy;
  /** Epoch seconds by which leases end. */
  readonly leaseNow: () => number;
  /** Unique and time-ordered, as every audit row's. */
  readonly newAuditId: () => string;
  readonly log: Log;
}

/**
 * Makes what renews the lease of a client that has just authenticated with its credential. Nobody waits
 * for it: a store that is full or gone keeps no client from its token, and the next request tries again.
 */
export function leaseRenewer(ports: RenewalPorts): RenewLease {
  const { store, policy, leaseNow, newAuditId, log } = ports;
  const inFlight = new Set<string>();
  return (client, { credential = null, remote }) => {
    const { clientId, leaseExpiresAt } = client;
    const lease = policy.find(({ name }) => name === client.rule)?.leaseSeconds;
    if (lease === undefined) return;
    const now = leaseNow();
    const end = Math.min(
      now + lease,
      client.kind === "vc" ? client.credential.expiresAt : Infinity,
    );
    // A client from before its rule had a lease gets one now.
    const current = leaseExpiresAt ?? -Infinity;
    const isDue = current - now < lease * (1 - USED_FRACTION);
    if (!isDue || end <= current || inFlight.has(clientId)) return;
    inFlight.add(clientId);
    const audit: AuditDraft = {
      id: newAuditId(),
      time: now,
      code: null,
      reasons: [],
      rule: client.rule,
      credential,
      remote,
      details: { by: "authentication" },
    };
    void store
      .renewLease(clientId, end, audit)
      .catch((error: unknown) => {
        log.warn({ clientId, error: String(error) }, "lease not renewed");
      })
      .finally(() => inFlight.delete(clientId));
  };
}

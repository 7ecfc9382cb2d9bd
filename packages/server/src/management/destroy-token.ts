import type { AuditDraft, ClientLifecycle, Clock } from "@accredit/core/ports";
import type { Caller } from "../http/request-scope.ts";

/** Destroys a registration access token, by its hash, where anybody has it. */
export type DestroyManagementToken = (
  tokenHash: string,
  caller: Readonly<Caller>,
) => Promise<void>;

/** What destroying tokens needs of the world. */
export interface DestroyTokenPorts {
  readonly store: Pick<ClientLifecycle, "destroyManagementToken">;
  readonly clock: Clock;
  /** Unique and time-ordered, as every audit row's. */
  readonly newAuditId: () => string;
}

/**
 * Makes what destroys a token that was shown at the URI of another client, or of none: whoever holds it is not whom
 * it was given to, or has lost track of what it manages (R01). Who does not hold it can destroy nothing.
 *
 * It throws `store_unavailable`.
 */
export function tokenDestroyer({
  store,
  clock,
  newAuditId,
}: DestroyTokenPorts): DestroyManagementToken {
  return async (tokenHash, { remote }) => {
    const audit: AuditDraft = {
      id: newAuditId(),
      time: clock.now(),
      code: null,
      reasons: [
        "its registration access token was shown at another registration_client_uri",
      ],
      rule: null,
      credential: {
        kind: "registration_access_token",
        trust: null,
        subject: null,
        keyId: null,
        algorithm: null,
        fingerprint: tokenHash,
        issuedAt: undefined,
        expiresAt: null,
      },
      remote,
    };
    await store.destroyManagementToken(tokenHash, audit);
  };
}

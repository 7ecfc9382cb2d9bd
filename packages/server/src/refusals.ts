import type { DcrError } from "@accredit/core/errors";
import type {
  AuditEntry,
  ClientStore,
  Clock,
  CredentialFacts,
} from "@accredit/core/ports";
import type { RefusalSource } from "@accredit/core/registration";
import type { RequestEvent } from "./http/request-scope.ts";
import type { LimitRefusal } from "./limits/refusal-limit.ts";
import type { Log } from "./log.ts";
import { wireError } from "./wire/errors.ts";

/** What writing a refusal down needs. */
export interface RefusalPorts {
  readonly store: Pick<ClientStore, "appendAudit">;
  readonly clock: Clock;
  readonly log: Log;
  readonly limitRefusal: LimitRefusal;
}

/**
 * Leaves the one audit row of a refused request, with whoever was proven, and notes the reason in its event;
 * called again for the same request it does nothing. A row that cannot be written is logged and does not change the answer:
 * the refusal stands. Returns what to answer: the refusal, or `rate_limited`, which leaves no row.
 */
export async function recordRefusal(
  action: AuditEntry["action"],
  error: DcrError,
  event: Pick<RequestEvent, "id" | "caller" | "code" | "reason">,
  { store, clock, log, limitRefusal }: RefusalPorts,
): Promise<DcrError> {
  const { remote, credential = null, client } = event.caller;
  const proven = credential === null ? undefined : provenBy(credential);
  const refusal = limitRefusal(error, { remote, proven });
  if (refusal.code === "rate_limited") return refusal;
  // An outage is not a refusal: nothing was decided about the caller.
  if (event.code !== undefined || wireError(error.code).status >= 500)
    return error;
  event.code = error.code;
  event.reason = error.message;
  const row: AuditEntry = {
    id: event.id,
    time: clock.now(),
    action,
    code: error.code,
    reasons: [error.message],
    clientId: client?.clientId ?? null,
    rule: client?.rule ?? null,
    credential,
    remote,
  };
  try {
    await store.appendAudit(row);
  } catch (cause) {
    log.error({ id: event.id, error: String(cause) }, "audit row not written");
  }
  return error;
}

/** Whose limit it counts for. */
function provenBy({
  trust,
  subject,
}: CredentialFacts): RefusalSource["proven"] {
  return trust === null || subject === null
    ? undefined
    : { trust, subject, isNewcomer: false };
}

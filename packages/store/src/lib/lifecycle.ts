import type {
  AuditDraft,
  ClientLifecycle,
  SuspensionTarget,
} from "@accredit/core/ports";
import { countTargets } from "./count-targets.ts";
import { read, type StoreReader } from "./read.ts";
import { auditToColumns } from "./records.ts";
import type { WriteQueue } from "./write-queue.ts";

/** For how long to count the clients that a withdrawal would hit, where nothing waits for it. Milliseconds. */
const PREVIEW_MS = 20_000;
/** For how long to count them before it is set. */
const COUNT_MS = 2000;

/** The store's part in what happens to clients after they are registered. */
export function lifecycle(
  queue: WriteQueue,
  reader: StoreReader,
): ClientLifecycle {
  const changed = async (
    op: Parameters<WriteQueue["submit"]>[0],
  ): Promise<boolean> => {
    const [changes] = await queue.submit(op);
    return changes === 1;
  };
  const detailsOf = ({ scope, value }: SuspensionTarget) => ({ scope, value });

  return {
    renewLease: (clientId, leaseExpiresAt, audit) =>
      changed({
        kind: "renew",
        clientId,
        leaseExpiresAt,
        audit: auditToColumns(audit),
      }),
    noRoomSince: () => queue.noRoomSince,
    deleteClient: (clientId, audit) =>
      changed({ kind: "delete", clientId, audit: auditToColumns(audit) }),
    rotateManagementToken: (clientId, currentHash, nextHash) =>
      changed({ kind: "rotate", clientId, currentHash, nextHash }),
    async destroyManagementToken(hash, audit) {
      // Of what nobody has there are any number: they cost no write.
      if (!(await read(async () => reader.hasManagementToken(hash))))
        return false;
      return changed({
        kind: "destroy-token",
        hash,
        audit: auditToColumns(audit),
      });
    },
    async sweep(now, keepSeconds, limit, auditId) {
      const audits = [
        sweepAudit(auditId(), now),
        sweepAudit(auditId(), now),
      ] as const;
      const [expired, removed, kept] = await queue.submit({
        kind: "sweep",
        now: Math.min(now, queue.noRoomSince ?? now),
        keepSeconds,
        limit,
        audits: [auditToColumns(audits[0]), auditToColumns(audits[1])],
      });
      return {
        expired: Number(expired),
        removed: Number(removed),
        kept: Number(kept),
      };
    },
    listClients: (query) => read(async () => reader.listClients(query)),
    clientsWithoutLease: (rule, limit) =>
      read(async () => reader.clientsWithoutLease(rule, limit)),
    countTargets: (target) =>
      read(async () => countTargets(reader, target, PREVIEW_MS)),
    async suspend(suspension, audit) {
      // What is to stop now must not wait for a count, nor depend on one.
      const count = await read(async () =>
        countTargets(reader, suspension, COUNT_MS),
      ).catch(() => ({ clients: 0, complete: false }));
      const { scope, value, reason, since } = suspension;
      const [inForceSince] = await queue.submit({
        kind: "suspend",
        suspension: [scope, value, reason, since],
        details: { ...detailsOf(suspension), reason, ...count },
        audit: auditToColumns(audit),
      });
      return { ...count, since: Number(inForceSince) };
    },
    resume: (target, audit) =>
      changed({
        kind: "resume",
        target: [target.scope, target.value],
        details: detailsOf(target),
        audit: auditToColumns(audit),
      }),
    suspensions: () => read(async () => reader.suspensions()),
    suspensionsOf: (who) => read(async () => reader.suspensionsOf(who)),
    statusLists: () => read(async () => reader.statusLists()),
    clientsOnStatusList: (listUrl, after, limit) =>
      read(async () => reader.clientsOnStatusList(listUrl, after, limit)),
    async tellCredentials(turn, audit) {
      const [told] = await queue.submit({
        kind: "credentials",
        ...turn,
        audit: auditToColumns(audit),
      });
      return Number(told);
    },
  };
}

function sweepAudit(id: string, time: number): AuditDraft {
  return {
    id,
    time,
    code: null,
    reasons: [],
    rule: null,
    credential: null,
    remote: null,
  };
}

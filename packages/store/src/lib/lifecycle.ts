import type {
  AuditDraft,
  ClientLifecycle,
  SuspensionTarget,
} from "@accredit/core/ports";
import { read, type Reader } from "./reader.ts";
import { auditToColumns } from "./records.ts";
import type { WriteQueue } from "./write-queue.ts";

/** The store's part in what happens to clients after they are registered. */
export function lifecycle(queue: WriteQueue, reader: Reader): ClientLifecycle {
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
    deleteClient: (clientId, audit) =>
      changed({ kind: "delete", clientId, audit: auditToColumns(audit) }),
    rotateManagementToken: (clientId, currentHash, nextHash) =>
      changed({ kind: "rotate", clientId, currentHash, nextHash }),
    async sweep(now, removeBefore, limit, auditId) {
      const audits = [
        sweepAudit(auditId(), now),
        sweepAudit(auditId(), now),
      ] as const;
      const [expired, removed] = await queue.submit({
        kind: "sweep",
        now,
        removeBefore,
        limit,
        audits: [auditToColumns(audits[0]), auditToColumns(audits[1])],
      });
      return { expired: Number(expired), removed: Number(removed) };
    },
    listClients: async (query) => read(() => reader.listClients(query)),
    countTargets: async (target) => read(() => reader.countTargets(target)),
    async suspend(suspension, audit) {
      const clients = read(() => reader.countTargets(suspension));
      const { scope, value, reason, since } = suspension;
      await queue.submit({
        kind: "suspend",
        suspension: [scope, value, reason, since],
        details: { ...detailsOf(suspension), reason, clients },
        audit: auditToColumns(audit),
      });
      return clients;
    },
    resume: (target, audit) =>
      changed({
        kind: "resume",
        target: [target.scope, target.value],
        details: detailsOf(target),
        audit: auditToColumns(audit),
      }),
    suspensions: async () => read(() => reader.suspensions()),
    statusLists: async () => read(() => reader.statusLists()),
    clientsOnStatusList: async (listUrl, after, limit) =>
      read(() => reader.clientsOnStatusList(listUrl, after, limit)),
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

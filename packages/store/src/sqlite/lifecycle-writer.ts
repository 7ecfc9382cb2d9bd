import type { DatabaseSync } from "node:sqlite";
import type { AppendAudit } from "./audit-writer.ts";
import type { Column, LifecycleOp } from "../lib/writer-protocol.ts";
import { sweeper } from "./sweep.ts";

const RENEW = `UPDATE clients SET lease_expires_at = ?
  WHERE client_id = ? AND state = 'live' AND coalesce(lease_expires_at, 0) < ?`;
const DELETE = "DELETE FROM clients WHERE client_id = ?";
const ROTATE = `UPDATE clients SET management_token_hash = ?
  WHERE client_id = ? AND management_token_hash IS ?`;
const TURN = `UPDATE clients SET credential_withdrawn = ?1
  WHERE client_id = ?2 AND kind = 'vc' AND coalesce(credential_withdrawn, 0) <> ?1`;
const SUSPEND = `INSERT INTO suspensions
    (scope, value, reason, since, client_trust, client_subject, client_software_id)
  VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (scope, value) DO UPDATE SET reason = excluded.reason WHERE suspensions.reason <> excluded.reason`;
const WHOSE =
  "SELECT trust, subject, software_id FROM clients WHERE client_id = ?";
const DESTROY_TOKEN =
  "UPDATE clients SET management_token_hash = NULL WHERE management_token_hash = ? RETURNING client_id";
const SINCE = "SELECT since FROM suspensions WHERE scope = ? AND value = ?";
const RESUME = "DELETE FROM suspensions WHERE scope = ? AND value = ?";

/** Prepares the statements of what happens to clients after they are registered. */
export function lifecycleWriter(
  db: DatabaseSync,
  appendAudit: AppendAudit,
): (op: LifecycleOp) => readonly Column[] {
  const renew = db.prepare(RENEW);
  const remove = db.prepare(DELETE);
  const rotate = db.prepare(ROTATE);
  const destroyToken = db.prepare(DESTROY_TOKEN);
  const turn = db.prepare(TURN);
  const suspend = db.prepare(SUSPEND);
  const findWhose = db.prepare(WHOSE);
  const since = db.prepare(SINCE);
  const resume = db.prepare(RESUME);
  const sweep = sweeper(db, appendAudit);

  const tellCredentials = ({
    listUrl,
    to,
    clientIds,
    audit,
  }: Extract<LifecycleOp, { kind: "credentials" }>) => {
    const isWithdrawn = to === "withdrawn" ? 1 : 0;
    const clients = clientIds.filter(
      (clientId) => turn.run(isWithdrawn, clientId).changes === 1,
    );
    if (clients.length > 0)
      appendAudit(audit, `credentials.${to}`, null, { list: listUrl, clients });
    return [clients.length];
  };

  /** Runs a write and, where it changed something, says so in the audit trail. */
  const audited = (
    changes: number | bigint,
    append: () => void,
  ): readonly Column[] => {
    if (Number(changes) > 0) append();
    return [Number(changes)];
  };

  const handlers: {
    readonly [Kind in LifecycleOp["kind"]]: (
      op: Extract<LifecycleOp, { kind: Kind }>,
    ) => readonly Column[];
  } = {
    renew: ({ clientId, leaseExpiresAt, audit }) =>
      audited(renew.run(leaseExpiresAt, clientId, leaseExpiresAt).changes, () =>
        appendAudit(audit, "client.renewed", clientId),
      ),
    delete: ({ clientId, audit }) =>
      audited(remove.run(clientId).changes, () =>
        appendAudit(audit, "client.deleted", clientId),
      ),
    rotate: ({ clientId, currentHash, nextHash }) => [
      Number(rotate.run(nextHash, clientId, currentHash).changes),
    ],
    "destroy-token": ({ hash, audit }) => {
      const holders = destroyToken.all(hash);
      for (const { client_id: clientId } of holders)
        appendAudit(audit, "client.token_destroyed", String(clientId));
      return [holders.length];
    },
    sweep,
    credentials: tellCredentials,
    suspend: ({ suspension, audit, details }) => {
      const [scope = null, value = null] = suspension;
      const whose = scope === "client" ? findWhose.get(value) : undefined;
      const {
        trust = null,
        subject = null,
        software_id: softwareId = null,
      } = whose ?? {};
      const { changes } = suspend.run(
        ...suspension,
        trust,
        subject,
        softwareId,
      );
      audited(changes, () =>
        appendAudit(audit, "suspension.set", null, details),
      );
      return [Number(since.get(scope, value)?.["since"])];
    },
    resume: ({ target, audit, details }) =>
      audited(resume.run(...target).changes, () =>
        appendAudit(audit, "suspension.lifted", null, details),
      ),
  };
  return (op) => handlers[op.kind](op as never);
}

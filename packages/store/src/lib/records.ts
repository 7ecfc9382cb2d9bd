import type {
  AuditDraft,
  AuditEntry,
  AuditPlace,
  AuditRecord,
  ClientPage,
  ClientProposal,
  CredentialFacts,
  FoundSuspension,
  SigningKey,
  StatusListPage,
  Suspension,
} from "@accredit/core/ports";
import type { RegisteredClient, VcClient } from "@accredit/core/registration";
import type { TrailPage } from "./audit-chain.ts";
import type { Column } from "./writer-protocol.ts";

/** A row as a database gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** The columns of `clients` that a client is made of. */
export const CLIENT_COLUMNS =
  "client_id, kind, trust, subject, software_id, issued_at, updated_at, rule, metadata, provenance, resources, credential, lease_expires_at, management_token_hash, registration_id";

/** The columns of `audit` that an entry is made of. */
export const AUDIT_COLUMNS =
  "seq, id, time, action, code, reasons, client_id, rule, credential, remote, details, chain";

/** A proposed client, in the order of the insert statement. */
export function clientToColumns({
  client,
  conditions,
  now,
  audit,
}: ClientProposal): readonly Column[] {
  return [
    client.clientId,
    client.kind,
    client.trust,
    client.subject,
    client.softwareId,
    now,
    client.updatedAt,
    client.rule,
    JSON.stringify(client.metadata),
    JSON.stringify(client.provenance),
    JSON.stringify(client.resources),
    client.kind === "vc" ? JSON.stringify(client.credential) : null,
    conditions.keyThumbprints,
    client.leaseExpiresAt,
    client.kind === "vc" ? client.managementTokenHash : null,
    audit.id,
  ];
}

/** A client from its row. What the row holds passed every check before it was written. */
export function rowToClient(row: Row): RegisteredClient {
  const client = {
    clientId: text(row, "client_id"),
    trust: text(row, "trust"),
    subject: text(row, "subject"),
    softwareId: text(row, "software_id"),
    issuedAt: Number(row["issued_at"]),
    registrationId: textOrNull(row, "registration_id"),
    updatedAt: Number(row["updated_at"]),
    leaseExpiresAt:
      row["lease_expires_at"] === null ? null : Number(row["lease_expires_at"]),
    metadata: json(row, "metadata") as RegisteredClient["metadata"],
    provenance: json(row, "provenance") as RegisteredClient["provenance"],
    resources: json(row, "resources") as RegisteredClient["resources"],
    rule: text(row, "rule"),
  };
  return row["credential"] === null
    ? { kind: "spiffe", ...client }
    : {
        kind: "vc",
        ...client,
        credential: json(row, "credential") as VcClient["credential"],
        managementTokenHash: textOrNull(row, "management_token_hash"),
      };
}

/** What the caller knows of an audit row, in the order of the chain; `action` and `client_id` follow. */
export function auditToColumns(entry: AuditDraft): readonly Column[] {
  return [
    entry.id,
    entry.time,
    entry.code,
    JSON.stringify(entry.reasons),
    entry.rule,
    entry.credential === null ? null : JSON.stringify(entry.credential),
    entry.remote,
    entry.details === undefined ? null : JSON.stringify(entry.details),
  ];
}

/** An audit entry from its row. */
export function rowToAudit(row: Row): AuditRecord {
  return {
    id: text(row, "id"),
    time: Number(row["time"]),
    action: text(row, "action") as AuditEntry["action"],
    code: textOrNull(row, "code"),
    reasons: json(row, "reasons") as AuditEntry["reasons"],
    clientId: textOrNull(row, "client_id"),
    rule: textOrNull(row, "rule"),
    credential: row["credential"] === null ? null : facts(row),
    remote: textOrNull(row, "remote"),
    ...(row["details"] !== null && {
      details: json(row, "details") as Readonly<Record<string, unknown>>,
    }),
    sequence: Number(row["seq"]),
    chain: textOrNull(row, "chain"),
  };
}

/** The place of an audit row. */
export function rowToPlace(row: Row | undefined): AuditPlace | undefined {
  if (row === undefined) return undefined;
  return { sequence: Number(row["seq"]), chain: textOrNull(row, "chain") };
}

/**
 * A page of the trail from rows that each have the account too: `first_seq`, `last_seq`, `last_chain` and, where
 * there may be rows from before the chain, `unchained`. The only one has no `seq` where there is no row, and there
 * is none where somebody took the account away.
 */
export function trailPage(
  rows: readonly Row[],
  isFiled: (row: Row) => boolean,
): TrailPage | undefined {
  const [account] = rows;
  if (account === undefined) return undefined;
  const { first_seq: first, last_seq: last, unchained = 0 } = account;
  return {
    rows: rows
      .filter(({ seq }) => seq !== null)
      .map((columns) => ({ columns, isFiled: isFiled(columns) })),
    account: {
      first: first === null ? null : Number(first),
      last: {
        sequence: Number(last),
        chain: textOrNull(account, "last_chain"),
      },
      unchained: Number(unchained),
    },
  };
}

function facts(row: Row): CredentialFacts {
  const stored = json(row, "credential") as CredentialFacts;
  // JSON drops a member that is undefined; the type has it.
  return { ...stored, issuedAt: stored.issuedAt };
}

/** A page of clients from rows that have their `id` too. */
export function pageOf(rows: readonly Row[], limit: number): ClientPage {
  const last = rows.at(-1)?.["id"];
  return {
    clients: rows.map((row) => rowToClient(row)),
    next: rows.length < limit || last === undefined ? null : Number(last),
  };
}

/** A page of the clients on a status list, from rows that have `id` and `credential_withdrawn` too. */
export function statusListPageOf(
  rows: readonly Row[],
  limit: number,
): StatusListPage {
  const withdrawn = rows.filter((row) => row["credential_withdrawn"] === 1);
  return {
    ...pageOf(rows, limit),
    withdrawn: new Set(withdrawn.map((row) => text(row, "client_id"))),
  };
}

/** A suspension from its row. */
export function rowToSuspension(row: Row): Suspension {
  return {
    scope: String(row["scope"]) as Suspension["scope"],
    value: String(row["value"]),
    reason: String(row["reason"]),
    since: Number(row["since"]),
  };
}

/** The columns of `suspensions` that a withdrawal which was looked up is made of. */
export const SUSPENSION_COLUMNS =
  "scope, value, reason, since, client_trust, client_subject, client_software_id";

/** A withdrawal that was looked up, from its row. */
export function rowToFoundSuspension(row: Row): FoundSuspension {
  const suspension = rowToSuspension(row);
  if (row["client_subject"] === null) return suspension;
  return {
    ...suspension,
    client: {
      trust: text(row, "client_trust"),
      subject: text(row, "client_subject"),
      softwareId: text(row, "client_software_id"),
    },
  };
}

/** A signing key, in the order of the insert statement. */
export function keyToColumns(key: SigningKey): readonly Column[] {
  return [
    key.kid,
    key.algorithm,
    JSON.stringify(key.privateJwk),
    key.createdAt,
  ];
}

/** A signing key from its row. */
export function rowToKey(row: Row): SigningKey {
  return {
    kid: text(row, "kid"),
    algorithm: text(row, "algorithm") as SigningKey["algorithm"],
    privateJwk: json(row, "private_jwk") as SigningKey["privateJwk"],
    createdAt: Number(row["created_at"]),
  };
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw new TypeError(`column ${column}: expected text, got ${typeof value}`);
}

function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

function json(row: Row, column: string): unknown {
  return JSON.parse(text(row, column));
}

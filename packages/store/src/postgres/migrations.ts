/**
 * One forward step of the schema. Once released, nothing of it changes: databases hold the checksum of the
 * text they were made with.
 */
export interface PostgresMigration {
  /** 1, 2, 3, ... without gaps. */
  readonly version: number;
  readonly name: string;
  /**
   * The oldest version whose release works on the schema after this step. While a step only adds, nodes of the
   * release before go on beside new ones; one that takes away ends them.
   */
  readonly compatibleFrom: number;
  /** Run in one transaction, together with the record that they ran. */
  readonly statements: readonly string[];
}

/**
 * Everything the SQLite schema holds, in the SQL that databases which speak PostgreSQL's protocol share: no
 * triggers, sequences or extensions. The transaction that holds `writer_state` counts and numbers.
 *
 * Names that may be longer than an index takes are looked up by their SHA-256 (`…_key`).
 */
const BASE: PostgresMigration = {
  version: 1,
  name: "base",
  compatibleFrom: 1,
  statements: [
    `CREATE TABLE accredit.writer_state (
       one             int8 PRIMARY KEY CHECK (one = 1),
       chain           text,
       audit_seq       int8 NOT NULL,
       client_seq      int8 NOT NULL,
       compatible_from int8 NOT NULL
     )`,
    `INSERT INTO accredit.writer_state (one, chain, audit_seq, client_seq, compatible_from)
     VALUES (1, NULL, 0, 0, 1)`,
    `CREATE TABLE accredit.clients (
       id                    int8 PRIMARY KEY,
       identity_key          text NOT NULL UNIQUE,
       client_id             text NOT NULL,
       client_key            text NOT NULL UNIQUE,
       kind                  text NOT NULL,
       trust                 text NOT NULL,
       subject               text NOT NULL,
       subject_key           text NOT NULL,
       software_id           text NOT NULL,
       issued_at             int8 NOT NULL,
       updated_at            int8 NOT NULL,
       revision              int8 NOT NULL,
       rule                  text NOT NULL,
       metadata              text NOT NULL,
       provenance            text NOT NULL,
       resources             text NOT NULL,
       credential            text,
       key_thumbprints       text,
       lease_expires_at      int8,
       state                 text NOT NULL,
       management_token_hash text,
       CHECK (substr(client_id, 1, 9) <> 'spiffe://' OR client_id = subject)
     )`,
    `CREATE INDEX clients_by_subject ON accredit.clients (subject_key, id)`,
    `CREATE INDEX clients_by_trust ON accredit.clients (trust, id)`,
    `CREATE INDEX clients_by_rule ON accredit.clients (rule, id)`,
    `CREATE INDEX clients_ending ON accredit.clients (state, lease_expires_at)
       WHERE lease_expires_at IS NOT NULL`,
    `CREATE TABLE accredit.client_counts (rule text PRIMARY KEY, clients int8 NOT NULL)`,
    `CREATE TABLE accredit.trust_counts (trust text PRIMARY KEY, clients int8 NOT NULL)`,
    `CREATE TABLE accredit.client_status_lists (
       list_key text NOT NULL,
       client   int8 NOT NULL,
       list_url text NOT NULL,
       PRIMARY KEY (list_key, client)
     )`,
    `CREATE INDEX client_status_lists_by_client ON accredit.client_status_lists (client)`,
    `CREATE TABLE accredit.audit (
       seq        int8 PRIMARY KEY,
       id         text NOT NULL UNIQUE,
       time       int8 NOT NULL,
       code       text,
       reasons    text NOT NULL,
       rule       text,
       credential text,
       remote     text,
       details    text,
       action     text NOT NULL,
       client_id  text,
       client_key text,
       chain      text NOT NULL
     )`,
    `CREATE INDEX audit_by_client ON accredit.audit (client_key, seq) WHERE client_key IS NOT NULL`,
    `CREATE TABLE accredit.signing_keys (
       kid         text PRIMARY KEY,
       algorithm   text NOT NULL,
       private_jwk text NOT NULL,
       created_at  int8 NOT NULL
     )`,
    `CREATE TABLE accredit.revoked_tokens (
       token_key  text PRIMARY KEY,
       client_id  text NOT NULL,
       expires_at int8 NOT NULL
     )`,
    `CREATE INDEX revoked_tokens_by_expiry ON accredit.revoked_tokens (expires_at)`,
    `CREATE TABLE accredit.used_proofs (proof_key text PRIMARY KEY, expires_at int8 NOT NULL)`,
    `CREATE INDEX used_proofs_by_expiry ON accredit.used_proofs (expires_at)`,
    `CREATE TABLE accredit.suspensions (
       scope     text NOT NULL,
       value_key text NOT NULL,
       value     text NOT NULL,
       reason    text NOT NULL,
       since     int8 NOT NULL,
       PRIMARY KEY (scope, value_key)
     )`,
  ],
};

/**
 * When a lease was ended, which may be long after it ran out: what is kept is kept from then on. What has ended
 * before is kept from this step on.
 */
const ENDED_AT: PostgresMigration = {
  version: 2,
  name: "ended-at",
  compatibleFrom: 1,
  statements: [
    `ALTER TABLE accredit.clients ADD COLUMN ended_at int8`,
    `CREATE INDEX clients_ended ON accredit.clients (ended_at) WHERE state = 'ended'`,
    `UPDATE accredit.clients
     SET ended_at = greatest(floor(extract(epoch FROM now()))::int8, lease_expires_at)
     WHERE state = 'ended'`,
  ],
};

/**
 * Names each registration, so that what was issued under one is not taken for its successor's: the id of the
 * audit row that made it. Null for those that are there already.
 */
const REGISTRATION_ID: PostgresMigration = {
  version: 3,
  name: "registration-id",
  compatibleFrom: 1,
  statements: ["ALTER TABLE accredit.clients ADD COLUMN registration_id text"],
};

/**
 * Whether the audit trail says that a client's credential was withdrawn: 1, or it does not. All nodes watch the same
 * status lists, and one of them tells.
 */
const CREDENTIAL_WITHDRAWN: PostgresMigration = {
  version: 4,
  name: "credential-withdrawn",
  compatibleFrom: 1,
  statements: [
    "ALTER TABLE accredit.clients ADD COLUMN credential_withdrawn int8",
  ],
};

/** The audit trail by action. */
const AUDIT_BY_ACTION: PostgresMigration = {
  version: 5,
  name: "audit-by-action",
  compatibleFrom: 1,
  statements: [`CREATE INDEX audit_by_action ON accredit.audit (action, seq)`],
};

/** When the newest status list of each name was issued, so that no restart makes an older one good again. */
const STATUS_LIST_TIMES: PostgresMigration = {
  version: 6,
  name: "status-list-times",
  compatibleFrom: 1,
  statements: [
    `CREATE TABLE accredit.status_list_times (
       name_key  text PRIMARY KEY,
       issued_at int8 NOT NULL
     )`,
  ],
};

/**
 * Whose client a suspension by `client_id` withdraws, which is known also when the client is gone, and what finds
 * suspensions without reading them all.
 */
const SUSPENDED_CLIENTS: PostgresMigration = {
  version: 7,
  name: "suspended-clients",
  compatibleFrom: 1,
  statements: [
    "ALTER TABLE accredit.suspensions ADD COLUMN client_trust text",
    "ALTER TABLE accredit.suspensions ADD COLUMN client_subject text",
    "ALTER TABLE accredit.suspensions ADD COLUMN client_software_id text",
    "ALTER TABLE accredit.suspensions ADD COLUMN client_subject_key text",
    `UPDATE accredit.suspensions SET client_trust = trust, client_subject = subject,
       client_software_id = software_id, client_subject_key = subject_key
     FROM accredit.clients WHERE scope = 'client' AND client_key = value_key`,
    "CREATE INDEX suspensions_by_subject ON accredit.suspensions (client_subject_key) WHERE client_subject_key IS NOT NULL",
    "CREATE INDEX suspensions_by_pattern ON accredit.suspensions (scope, value_key) WHERE scope = 'subject' AND strpos(value, '*') > 0",
  ],
};

/** What finds the clients without a lease where their rule gives one now; empty where every rule has one. */
const CLIENTS_WITHOUT_LEASE: PostgresMigration = {
  version: 8,
  name: "clients-without-lease",
  compatibleFrom: 1,
  statements: [
    `CREATE INDEX clients_without_lease ON accredit.clients (rule, id)
       WHERE state = 'live' AND lease_expires_at IS NULL`,
  ],
};

/** Finds whose registration access token somebody shows. */
const MANAGEMENT_TOKENS: PostgresMigration = {
  version: 9,
  name: "management-tokens",
  compatibleFrom: 1,
  statements: [
    `CREATE INDEX clients_by_management_token ON accredit.clients (management_token_hash)
       WHERE management_token_hash IS NOT NULL`,
  ],
};

/** Finds the rows of the audit trail about many clients by each of them. */
const AUDIT_CLIENTS: PostgresMigration = {
  version: 10,
  name: "audit-clients",
  compatibleFrom: 1,
  statements: [
    `CREATE TABLE accredit.audit_clients (
       client_key text NOT NULL,
       seq        int8 NOT NULL,
       PRIMARY KEY (client_key, seq)
     )`,
  ],
};

/** Every step, in order. Add at the end. */
export const POSTGRES_MIGRATIONS: readonly PostgresMigration[] = [
  BASE,
  ENDED_AT,
  REGISTRATION_ID,
  CREDENTIAL_WITHDRAWN,
  AUDIT_BY_ACTION,
  STATUS_LIST_TIMES,
  SUSPENDED_CLIENTS,
  CLIENTS_WITHOUT_LEASE,
  MANAGEMENT_TOKENS,
  AUDIT_CLIENTS,
];

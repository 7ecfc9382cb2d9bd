import type { Migration } from "./migration.ts";

/**
 * Clients, the audit trail and the authorization server's signing keys.
 *
 * `clients.revision` is 1 when the row is new, so one upsert can tell "created" from "replaced".
 * `client_counts` spares a scan of all clients: triggers keep it, whoever writes.
 * A `client_id` that looks like a SPIFFE ID may only name the client of that very SPIFFE ID; else a
 * look-up by SPIFFE ID could find somebody else's client.
 * `write_probe` is always empty: a row is written and removed there to learn whether a disk that was
 * full has room again.
 */
export const clientsAuditKeys: Migration = {
  version: 1,
  name: "clients-audit-keys",
  sql: `
CREATE TABLE clients (
  id         INTEGER PRIMARY KEY,
  client_id  TEXT NOT NULL UNIQUE,
  kind       TEXT NOT NULL,
  trust      TEXT NOT NULL,
  subject    TEXT NOT NULL,
  issued_at  INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  revision   INTEGER NOT NULL,
  rule       TEXT NOT NULL,
  metadata   TEXT NOT NULL,
  provenance TEXT NOT NULL,
  resources  TEXT NOT NULL,
  UNIQUE (subject, trust, kind),
  CHECK (substr(client_id, 1, 9) <> 'spiffe://' OR client_id = subject)
) STRICT;

CREATE TABLE client_counts (
  rule    TEXT NOT NULL PRIMARY KEY,
  clients INTEGER NOT NULL
) STRICT;

CREATE TRIGGER clients_count_insert AFTER INSERT ON clients BEGIN
  INSERT INTO client_counts (rule, clients) VALUES (NEW.rule, 1)
    ON CONFLICT (rule) DO UPDATE SET clients = clients + 1;
END;

CREATE TRIGGER clients_count_delete AFTER DELETE ON clients BEGIN
  UPDATE client_counts SET clients = clients - 1 WHERE rule = OLD.rule;
END;

CREATE TRIGGER clients_count_update AFTER UPDATE OF rule ON clients
WHEN OLD.rule <> NEW.rule BEGIN
  UPDATE client_counts SET clients = clients - 1 WHERE rule = OLD.rule;
  INSERT INTO client_counts (rule, clients) VALUES (NEW.rule, 1)
    ON CONFLICT (rule) DO UPDATE SET clients = clients + 1;
END;

CREATE TABLE audit (
  seq        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  time       INTEGER NOT NULL,
  action     TEXT NOT NULL,
  code       TEXT,
  reasons    TEXT NOT NULL,
  client_id  TEXT,
  rule       TEXT,
  credential TEXT,
  remote     TEXT
) STRICT;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN
  SELECT RAISE(ABORT, 'audit rows are append-only');
END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN
  SELECT RAISE(ABORT, 'audit rows are append-only');
END;

CREATE TABLE signing_keys (
  kid         TEXT NOT NULL PRIMARY KEY,
  algorithm   TEXT NOT NULL,
  private_jwk TEXT NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE write_probe (
  id     INTEGER PRIMARY KEY,
  filler BLOB NOT NULL
) STRICT;
`,
};

import type { Migration } from "./migration.ts";

/**
 * Several clients of one subject, told apart by `software_id`; clients of Verifiable Credentials, with what
 * of the credential they depend on and the thumbprints of their own keys; and proofs good for one use.
 *
 * `clients` is made anew because its UNIQUE constraint changes. `client_status_lists` says which clients a
 * changed status list concerns.
 */
export const softwareIdAndKeys: Migration = {
  version: 3,
  name: "software-id-and-keys",
  sql: `
CREATE TABLE clients_3 (
  id              INTEGER PRIMARY KEY,
  client_id       TEXT NOT NULL UNIQUE,
  kind            TEXT NOT NULL,
  trust           TEXT NOT NULL,
  subject         TEXT NOT NULL,
  software_id     TEXT NOT NULL,
  issued_at       INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  revision        INTEGER NOT NULL,
  rule            TEXT NOT NULL,
  metadata        TEXT NOT NULL,
  provenance      TEXT NOT NULL,
  resources       TEXT NOT NULL,
  key_thumbprints TEXT,
  credential      TEXT,
  UNIQUE (subject, trust, kind, software_id),
  CHECK (substr(client_id, 1, 9) <> 'spiffe://' OR client_id = subject)
) STRICT;

INSERT INTO clients_3
  (id, client_id, kind, trust, subject, software_id, issued_at, updated_at, revision, rule, metadata,
   provenance, resources)
  SELECT id, client_id, kind, trust, subject, '', issued_at, updated_at, revision, rule, metadata,
    provenance, resources
  FROM clients;
DROP TABLE clients;
ALTER TABLE clients_3 RENAME TO clients;

CREATE TRIGGER clients_count_insert AFTER INSERT ON clients BEGIN
  INSERT INTO client_counts (rule, clients) VALUES (NEW.rule, 1)
    ON CONFLICT (rule) DO UPDATE SET clients = clients + 1;
END;

CREATE TRIGGER clients_count_delete AFTER DELETE ON clients BEGIN
  UPDATE client_counts SET clients = clients - 1 WHERE rule = OLD.rule;
  DELETE FROM client_status_lists WHERE client = OLD.id;
END;

CREATE TRIGGER clients_count_update AFTER UPDATE OF rule ON clients
WHEN OLD.rule <> NEW.rule BEGIN
  UPDATE client_counts SET clients = clients - 1 WHERE rule = OLD.rule;
  INSERT INTO client_counts (rule, clients) VALUES (NEW.rule, 1)
    ON CONFLICT (rule) DO UPDATE SET clients = clients + 1;
END;

CREATE TABLE client_status_lists (
  list_url TEXT NOT NULL,
  client   INTEGER NOT NULL,
  PRIMARY KEY (list_url, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX client_status_lists_by_client ON client_status_lists (client);

CREATE TABLE used_proofs (
  key        TEXT NOT NULL PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX used_proofs_by_expiry ON used_proofs (expires_at);
`,
};

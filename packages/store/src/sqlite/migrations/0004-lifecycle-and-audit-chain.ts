import type { Migration } from "./migration.ts";

/**
 * Leases, suspensions and the chain of the audit trail.
 *
 * `clients.state` is `live`, or `ended` for one whose lease ran out: it counts against no quota and keeps
 * its `client_id` until it is removed. `clients_ending` finds what is due without reading the rest.
 */
export const lifecycleAndAuditChain: Migration = {
  version: 4,
  name: "lifecycle-and-audit-chain",
  sql: `
ALTER TABLE clients ADD COLUMN lease_expires_at INTEGER;
ALTER TABLE clients ADD COLUMN state TEXT NOT NULL DEFAULT 'live';
ALTER TABLE clients ADD COLUMN management_token_hash TEXT;
ALTER TABLE audit ADD COLUMN details TEXT;
ALTER TABLE audit ADD COLUMN chain TEXT;

CREATE INDEX clients_ending ON clients (state, lease_expires_at)
  WHERE lease_expires_at IS NOT NULL;
CREATE INDEX clients_by_trust ON clients (trust, id);
CREATE INDEX clients_by_rule ON clients (rule, id);
CREATE INDEX audit_by_client ON audit (client_id, seq) WHERE client_id IS NOT NULL;

CREATE TABLE suspensions (
  scope  TEXT NOT NULL,
  value  TEXT NOT NULL,
  reason TEXT NOT NULL,
  since  INTEGER NOT NULL,
  PRIMARY KEY (scope, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE trust_counts (
  trust   TEXT NOT NULL PRIMARY KEY,
  clients INTEGER NOT NULL
) STRICT;
INSERT INTO trust_counts (trust, clients) SELECT trust, count(*) FROM clients GROUP BY trust;

DROP TRIGGER clients_count_insert;
DROP TRIGGER clients_count_delete;
DROP TRIGGER clients_count_update;

CREATE TRIGGER clients_count_insert AFTER INSERT ON clients WHEN NEW.state = 'live' BEGIN
  INSERT INTO client_counts (rule, clients) VALUES (NEW.rule, 1)
    ON CONFLICT (rule) DO UPDATE SET clients = clients + 1;
  INSERT INTO trust_counts (trust, clients) VALUES (NEW.trust, 1)
    ON CONFLICT (trust) DO UPDATE SET clients = clients + 1;
END;

CREATE TRIGGER clients_count_delete AFTER DELETE ON clients WHEN OLD.state = 'live' BEGIN
  UPDATE client_counts SET clients = clients - 1 WHERE rule = OLD.rule;
  UPDATE trust_counts SET clients = clients - 1 WHERE trust = OLD.trust;
END;

CREATE TRIGGER clients_lists_delete AFTER DELETE ON clients BEGIN
  DELETE FROM client_status_lists WHERE client = OLD.id;
END;

CREATE TRIGGER clients_count_update AFTER UPDATE OF rule, state ON clients
WHEN OLD.rule <> NEW.rule OR OLD.state <> NEW.state BEGIN
  UPDATE client_counts SET clients = clients - 1 WHERE rule = OLD.rule AND OLD.state = 'live';
  UPDATE trust_counts SET clients = clients - 1 WHERE trust = OLD.trust AND OLD.state = 'live';
  INSERT INTO client_counts (rule, clients) SELECT NEW.rule, 1 WHERE NEW.state = 'live'
    ON CONFLICT (rule) DO UPDATE SET clients = clients + 1;
  INSERT INTO trust_counts (trust, clients) SELECT NEW.trust, 1 WHERE NEW.state = 'live'
    ON CONFLICT (trust) DO UPDATE SET clients = clients + 1;
END;
`,
};

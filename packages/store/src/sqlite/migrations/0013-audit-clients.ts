import type { Migration } from "./migration.ts";

/** Finds the rows of the audit trail about many clients by each of them. */
export const auditClients: Migration = {
  version: 13,
  name: "audit-clients",
  sql: `
CREATE TABLE audit_clients (
  client_id TEXT NOT NULL,
  seq       INTEGER NOT NULL,
  PRIMARY KEY (client_id, seq)
) STRICT, WITHOUT ROWID;
`,
};

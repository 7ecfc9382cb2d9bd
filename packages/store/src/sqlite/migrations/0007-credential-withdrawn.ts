import type { Migration } from "./migration.ts";

/**
 * Whether the audit trail says that a client's credential was withdrawn: 1, or it does not. Several processes
 * watch the same status lists, and one of them tells.
 */
export const credentialWithdrawn: Migration = {
  version: 7,
  name: "credential-withdrawn",
  sql: "ALTER TABLE clients ADD COLUMN credential_withdrawn INTEGER;",
};

import type { Migration } from "./migration.ts";

/**
 * Names each registration, so that what was issued under one is not taken for its successor's: the id of the
 * audit row that made it. Null for those that are there already.
 */
export const registrationId: Migration = {
  version: 6,
  name: "registration-id",
  sql: "ALTER TABLE clients ADD COLUMN registration_id TEXT;",
};

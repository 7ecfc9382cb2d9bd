import type { Migration } from "./migration.ts";

/**
 * When a lease was ended, which may be long after it ran out: what is kept is kept from then on. What has
 * ended before is kept from this step on.
 */
export const endedAt: Migration = {
  version: 5,
  name: "ended-at",
  sql: `
ALTER TABLE clients ADD COLUMN ended_at INTEGER;
CREATE INDEX clients_ended ON clients (ended_at) WHERE state = 'ended';
UPDATE clients SET ended_at = max(unixepoch(), lease_expires_at) WHERE state = 'ended';
`,
};

import type { Migration } from "./migration.ts";

/**
 * Whose client a suspension by `client_id` withdraws, which is known also when the client is gone, and what finds
 * suspensions without reading them all.
 */
export const suspendedClients: Migration = {
  version: 10,
  name: "suspended-clients",
  sql: `
ALTER TABLE suspensions ADD COLUMN client_trust TEXT;
ALTER TABLE suspensions ADD COLUMN client_subject TEXT;
ALTER TABLE suspensions ADD COLUMN client_software_id TEXT;

UPDATE suspensions SET
  client_trust = (SELECT trust FROM clients WHERE client_id = value),
  client_subject = (SELECT subject FROM clients WHERE client_id = value),
  client_software_id = (SELECT software_id FROM clients WHERE client_id = value)
WHERE scope = 'client';

CREATE INDEX suspensions_by_subject ON suspensions (client_subject)
  WHERE client_subject IS NOT NULL;
CREATE INDEX suspensions_by_pattern ON suspensions (scope, value)
  WHERE scope = 'subject' AND instr(value, '*') > 0;
`,
};

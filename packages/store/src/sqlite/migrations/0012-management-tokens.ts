import type { Migration } from "./migration.ts";

/** Finds whose registration access token somebody shows. */
export const managementTokens: Migration = {
  version: 12,
  name: "management-tokens",
  sql: `
CREATE INDEX clients_by_management_token ON clients (management_token_hash)
  WHERE management_token_hash IS NOT NULL;
`,
};

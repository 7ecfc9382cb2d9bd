import type { Migration } from "./migration.ts";

/** What finds the clients without a lease where their rule gives one now; empty where every rule has one. */
export const clientsWithoutLease: Migration = {
  version: 11,
  name: "clients-without-lease",
  sql: `
CREATE INDEX clients_without_lease ON clients (rule)
  WHERE state = 'live' AND lease_expires_at IS NULL;
`,
};

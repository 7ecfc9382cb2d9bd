import type { Migration } from "./migration.ts";

/** Access tokens revoked before they expire; `expires_at` says when the row may go. */
export const revokedTokens: Migration = {
  version: 2,
  name: "revoked-tokens",
  sql: `
CREATE TABLE revoked_tokens (
  token_id   TEXT NOT NULL PRIMARY KEY,
  client_id  TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);
`,
};

import type { Migration } from "./migration.ts";

/** When the newest status list of each name was issued, so that no restart makes an older one good again. */
export const statusListTimes: Migration = {
  version: 9,
  name: "status-list-times",
  sql: `
CREATE TABLE status_list_times (
  name      TEXT NOT NULL PRIMARY KEY,
  issued_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
};

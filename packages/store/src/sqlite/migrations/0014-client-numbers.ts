import type { Migration } from "./migration.ts";

/**
 * The highest number of a client that is gone, kept where it was the highest of all: left to itself SQLite gives it
 * to the next client, which whoever pages by these numbers then never sees.
 */
export const clientNumbers: Migration = {
  version: 14,
  name: "client-numbers",
  sql: `
CREATE TABLE client_numbers (
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  gone INTEGER NOT NULL
) STRICT;
INSERT INTO client_numbers (one, gone) VALUES (1, 0);

CREATE TRIGGER clients_number_delete AFTER DELETE ON clients
WHEN OLD.id > (SELECT ifnull(max(id), 0) FROM clients) BEGIN
  UPDATE client_numbers SET gone = max(gone, OLD.id);
END;
`,
};

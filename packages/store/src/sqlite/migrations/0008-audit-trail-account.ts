import type { Migration } from "./migration.ts";

/**
 * What the trail is held against beside its chain: how it ends, kept by a trigger, whoever writes, and which rows
 * are from before the chain. And the trail by action.
 */
export const auditTrailAccount: Migration = {
  version: 8,
  name: "audit-trail-account",
  sql: `
CREATE TABLE audit_trail (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  seq       INTEGER NOT NULL,
  chain     TEXT,
  unchained INTEGER NOT NULL
) STRICT;

INSERT INTO audit_trail (one, seq, chain, unchained)
  SELECT 1, coalesce((SELECT max(seq) FROM audit), 0),
    (SELECT chain FROM audit ORDER BY seq DESC LIMIT 1),
    coalesce(
      (SELECT seq - 1 FROM audit WHERE chain IS NOT NULL ORDER BY seq LIMIT 1),
      (SELECT max(seq) FROM audit),
      0);

CREATE TRIGGER audit_trail_end AFTER INSERT ON audit BEGIN
  UPDATE audit_trail SET seq = NEW.seq, chain = NEW.chain;
END;

CREATE INDEX audit_by_action ON audit (action, seq);
`,
};

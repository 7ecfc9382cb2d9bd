import { openConnection } from "./connection.ts";
import { auditReader } from "./audit-reader.ts";
import { lifecycleReader } from "./lifecycle-reader.ts";
import type { Reads } from "../lib/read.ts";
import { CLIENT_COLUMNS, rowToClient, rowToKey } from "../lib/records.ts";

/** Reads on the calling thread: a look-up by key takes a few microseconds, a message to a thread more. */
export interface Reader extends Reads {
  /** Reads something, to learn whether reading works. */
  probe(): void;
  close(): void;
}

/** Opens a second, read-only connection to a database the writer has prepared. */
export function openReader(path: string, busyTimeoutMs: number): Reader {
  const db = openConnection(path, { readOnly: true, busyTimeoutMs });
  const byId = db.prepare(
    `SELECT ${CLIENT_COLUMNS} FROM clients WHERE client_id = ?`,
  );
  const bySubject = db.prepare(
    `SELECT ${CLIENT_COLUMNS} FROM clients WHERE subject = ? AND kind = 'spiffe' ORDER BY id`,
  );
  const count = db.prepare(
    "SELECT coalesce(sum(clients), 0) AS clients FROM client_counts",
  );
  const counts = db.prepare(
    "SELECT rule, clients FROM client_counts WHERE clients > 0",
  );
  const keys = db.prepare(
    "SELECT kid, algorithm, private_jwk, created_at FROM signing_keys ORDER BY created_at DESC, kid",
  );
  const revoked = db.prepare("SELECT 1 FROM revoked_tokens WHERE token_id = ?");
  const listTime = db.prepare(
    "SELECT issued_at FROM status_list_times WHERE name = ?",
  );
  const version = db.prepare("SELECT max(version) FROM schema_migrations");

  return {
    findClient(clientId) {
      if (!isExact(clientId)) return undefined;
      const row = byId.get(clientId);
      return row === undefined ? undefined : rowToClient(row);
    },
    findSpiffeClients: (subject) =>
      isExact(subject)
        ? bySubject.all(subject).map((row) => rowToClient(row))
        : [],
    ...auditReader(db),
    ...lifecycleReader(db),
    countClients: () => Number(count.get()?.["clients"]),
    countClientsByRule: () =>
      new Map(
        counts
          .all()
          .map((row) => [String(row["rule"]), Number(row["clients"])]),
      ),
    readSigningKeys: () => keys.all().map((row) => rowToKey(row)),
    isTokenRevoked: (tokenId) => revoked.get(tokenId) !== undefined,
    newestStatusList(name) {
      const row = listTime.get(name);
      return row === undefined ? undefined : Number(row["issued_at"]);
    },
    probe: () => void version.get(),
    close: () => db.close(),
  };
}

/** As UTF-8 a lone surrogate becomes U+FFFD: such a text would find another name's row. */
function isExact(name: string): boolean {
  return name.isWellFormed();
}

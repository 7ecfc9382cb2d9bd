import type { DatabaseSync } from "node:sqlite";
import { targetsNaming } from "@accredit/core/withdrawal";
import type { LifecycleReader } from "../lib/read.ts";
import {
  CLIENT_COLUMNS,
  pageOf,
  rowToFoundSuspension,
  rowToSuspension,
  SUSPENSION_COLUMNS,
  statusListPageOf,
} from "../lib/records.ts";

/** Subjects that are read before other work gets its turn. */
const SUBJECTS = 500;

/** Prepares the statements that read clients in numbers, and withdrawals. */
export function lifecycleReader(db: DatabaseSync): LifecycleReader {
  const columns = `id, ${CLIENT_COLUMNS}`;
  const listed = (condition: string) =>
    db.prepare(
      `SELECT ${columns} FROM clients WHERE ${condition} AND id > ? ORDER BY id LIMIT ?`,
    );
  const all = listed("1 = 1");
  // One statement for each way to ask, so that each uses its index.
  const by = {
    trust: listed("trust = ?"),
    rule: listed("rule = ?"),
    subject: listed("subject = ?"),
  };
  const leaseless = db.prepare(
    `SELECT client_id FROM clients INDEXED BY clients_without_lease
     WHERE rule = ? AND state = 'live' AND lease_expires_at IS NULL LIMIT ?`,
  );
  const withToken = db.prepare(
    "SELECT 1 FROM clients WHERE management_token_hash = ?",
  );
  const counts = {
    trust: db.prepare("SELECT clients FROM trust_counts WHERE trust = ?"),
    rule: db.prepare("SELECT clients FROM client_counts WHERE rule = ?"),
    subject: db.prepare(
      "SELECT count(*) AS clients FROM clients WHERE subject = ? AND state = 'live'",
    ),
    client: db.prepare(
      "SELECT count(*) AS clients FROM clients WHERE client_id = ? AND state = 'live'",
    ),
  };
  const subjects = db.prepare(
    `SELECT subject, sum(state = 'live') AS clients FROM clients
     WHERE subject > ? AND subject < ? GROUP BY subject ORDER BY subject LIMIT ?`,
  );
  const withdrawn = db.prepare(
    "SELECT scope, value, reason, since FROM suspensions ORDER BY since, scope, value",
  );
  const found = (condition: string) =>
    db.prepare(
      `SELECT ${SUSPENSION_COLUMNS} FROM suspensions WHERE ${condition}`,
    );
  const named = found("scope = ? AND value = ?");
  const ofSubject = found("client_subject = ?");
  // Left to itself SQLite reads every suspended subject.
  const patterns = db.prepare(
    `SELECT ${SUSPENSION_COLUMNS} FROM suspensions INDEXED BY suspensions_by_pattern
     WHERE scope = 'subject' AND instr(value, '*') > 0`,
  );
  const lists = db.prepare(
    "SELECT DISTINCT list_url FROM client_status_lists ORDER BY list_url",
  );
  const onList = db.prepare(
    `SELECT ${columns}, credential_withdrawn FROM clients WHERE id IN
       (SELECT client FROM client_status_lists WHERE list_url = ? AND client > ? ORDER BY client LIMIT ?)
     ORDER BY id`,
  );

  return {
    listClients({ limit, after = 0, trust, rule, subject }) {
      const filter = Object.entries({ subject, rule, trust }).find(
        ([, value]) => value !== undefined,
      );
      const [name, value = ""] = filter ?? [];
      const rows =
        name === undefined
          ? all.all(after, limit)
          : by[name as keyof typeof by].all(value, after, limit);
      const page = pageOf(rows, limit);
      return {
        ...page,
        // A second filter is rare: it is applied to the page, which may then hold fewer than asked.
        clients: page.clients.filter(
          (client) =>
            (trust === undefined || client.trust === trust) &&
            (rule === undefined || client.rule === rule),
        ),
      };
    },
    hasManagementToken: (hash) => withToken.get(hash) !== undefined,
    clientsWithoutLease: (rule, limit) =>
      leaseless.all(rule, limit).map((row) => String(row["client_id"])),
    countNamed: ({ scope, value }) =>
      Number(counts[scope].get(value)?.["clients"] ?? 0),
    liveSubjects(prefix, after = prefix) {
      const rows = subjects.all(after, `${prefix}\u{10ffff}`, SUBJECTS);
      return {
        subjects: rows.map((row) => [
          String(row["subject"]),
          Number(row["clients"]),
        ]),
        next: rows.length < SUBJECTS ? null : String(rows.at(-1)?.["subject"]),
      };
    },
    suspensions: () => withdrawn.all().map((row) => rowToSuspension(row)),
    suspensionsOf: (who) => {
      const targets = targetsNaming(who);
      const rows = targets.flatMap(({ scope, value }) => [
        ...named.all(scope, value),
        ...(scope === "subject" ? ofSubject.all(value) : []),
      ]);
      return [...rows, ...patterns.all()].map((row) =>
        rowToFoundSuspension(row),
      );
    },
    statusLists: () => lists.all().map((row) => String(row["list_url"])),
    clientsOnStatusList: (listUrl, after = 0, limit) =>
      statusListPageOf(onList.all(listUrl, after, limit), limit),
  };
}

import { targetsNaming } from "@accredit/core/withdrawal";
import { CHAINED_COLUMNS } from "../lib/audit-chain.ts";
import type { StoreReader } from "../lib/read.ts";
import {
  AUDIT_COLUMNS,
  CLIENT_COLUMNS,
  pageOf,
  rowToAudit,
  rowToClient,
  rowToKey,
  rowToPlace,
  rowToFoundSuspension,
  rowToSuspension,
  statusListPageOf,
  SUSPENSION_COLUMNS,
  trailPage,
  type Row,
} from "../lib/records.ts";
import { keyOf } from "./keys.ts";
import type { Parameter, Session } from "./session.ts";

const TRAIL_ROW = ["seq", "chain", "client_key", ...CHAINED_COLUMNS].join(", ");
// One statement, so that rows and account are of one moment.
const TRAIL = `SELECT (SELECT min(seq) FROM accredit.audit) AS first_seq,
    state.audit_seq AS last_seq, state.chain AS last_chain, page.*
  FROM accredit.writer_state AS state LEFT JOIN LATERAL
    (SELECT ${TRAIL_ROW} FROM accredit.audit WHERE seq > $1 ORDER BY seq LIMIT $2) AS page ON true
  ORDER BY page.seq`;

/** Reads over the network; every answer is what the database says now. */
export function postgresReader(session: Session): StoreReader {
  const clients = (condition: string, ...parameters: readonly Parameter[]) =>
    session.query(
      `SELECT id, credential_withdrawn, ${CLIENT_COLUMNS} FROM accredit.clients WHERE ${condition}`,
      parameters,
    );
  const count = async (sql: string, ...parameters: readonly Parameter[]) => {
    const [row] = await session.query(sql, parameters);
    return Number(row?.["clients"] ?? 0);
  };

  return {
    async findClient(clientId) {
      const [row] = await clients("client_key = $1", keyOf(clientId));
      return row === undefined ? undefined : rowToClient(row);
    },
    async findSpiffeClients(subject) {
      const rows = await clients(
        "subject_key = $1 AND kind = 'spiffe' ORDER BY id",
        keyOf(subject),
      );
      return rows.map((row) => rowToClient(row));
    },
    countClients: () =>
      count(
        "SELECT coalesce(sum(clients), 0) AS clients FROM accredit.client_counts",
      ),
    async countClientsByRule() {
      const rows = await session.query(
        "SELECT rule, clients FROM accredit.client_counts WHERE clients > 0",
      );
      return new Map(
        rows.map((row) => [String(row["rule"]), Number(row["clients"])]),
      );
    },
    async readSigningKeys() {
      const rows = await session.query(
        "SELECT kid, algorithm, private_jwk, created_at FROM accredit.signing_keys ORDER BY created_at DESC",
      );
      return rows
        .map((row) => rowToKey(row))
        .toSorted(
          (one, other) =>
            other.createdAt - one.createdAt || compare(one.kid, other.kid),
        );
    },
    async isTokenRevoked(tokenId) {
      const rows = await session.query(
        "SELECT 1 AS one FROM accredit.revoked_tokens WHERE token_key = $1",
        [keyOf(tokenId)],
      );
      return rows.length > 0;
    },
    async newestStatusList(name) {
      const [row] = await session.query(
        "SELECT issued_at FROM accredit.status_list_times WHERE name_key = $1",
        [keyOf(name)],
      );
      return row === undefined ? undefined : Number(row["issued_at"]);
    },
    async readAudit({ limit, before, clientId, action }) {
      if (!Number.isSafeInteger(limit) || limit < 0)
        throw new TypeError(
          `limit: expected a whole number, 0 or more, got ${limit}`,
        );
      const parameters: Parameter[] = [
        before ?? Number.MAX_SAFE_INTEGER,
        limit,
      ];
      const also = (condition: string, value: string | undefined): string =>
        value === undefined
          ? ""
          : `AND ${condition.replaceAll("?", `$${parameters.push(value)}`)}`;
      const ofClient = also(
        `seq IN (SELECT seq FROM accredit.audit WHERE client_key = ? AND seq < $1
           UNION ALL SELECT seq FROM accredit.audit_clients WHERE client_key = ? AND seq < $1)`,
        clientId === undefined ? undefined : keyOf(clientId),
      );
      const rows = await session.query(
        `SELECT ${AUDIT_COLUMNS} FROM accredit.audit
         WHERE seq < $1 ${ofClient} ${also("action = ?", action)} ORDER BY seq DESC LIMIT $2`,
        parameters,
      );
      return rows.map((row) => rowToAudit(row));
    },
    async findAudit(id) {
      const [row] = await session.query(
        `SELECT ${AUDIT_COLUMNS} FROM accredit.audit WHERE id = $1`,
        [id],
      );
      return row === undefined ? undefined : rowToAudit(row);
    },
    async readTrail(after, limit) {
      return trailPage(await session.query(TRAIL, [after, limit]), isFiled);
    },
    async findPlace(sequence) {
      const [row] = await session.query(
        "SELECT seq, chain FROM accredit.audit WHERE seq = $1",
        [sequence],
      );
      return rowToPlace(row);
    },
    async listClients({ limit, after = 0, trust, rule, subject }) {
      const parameters: Parameter[] = [after, limit];
      const conditions = Object.entries({
        trust,
        rule,
        subject_key: subject === undefined ? undefined : keyOf(subject),
      }).flatMap(([column, value]) =>
        value === undefined ? [] : [`${column} = $${parameters.push(value)}`],
      );
      const rows = await clients(
        `${["id > $1", ...conditions].join(" AND ")} ORDER BY id LIMIT $2`,
        ...parameters,
      );
      return pageOf(rows, limit);
    },
    async hasManagementToken(hash) {
      const rows = await session.query(
        "SELECT 1 FROM accredit.clients WHERE management_token_hash = $1 LIMIT 1",
        [hash],
      );
      return rows.length > 0;
    },
    async clientsWithoutLease(rule, limit) {
      const rows = await session.query(
        `SELECT client_id FROM accredit.clients
         WHERE rule = $1 AND state = 'live' AND lease_expires_at IS NULL ORDER BY id LIMIT $2`,
        [rule, limit],
      );
      return rows.map((row) => String(row["client_id"]));
    },
    countNamed: ({ scope, value }) =>
      count(
        TARGETS[scope],
        scope === "client" || scope === "subject" ? keyOf(value) : value,
      ),
    async liveSubjects(prefix, after = 0) {
      const rows = await session.query(SUBJECTS, [after, CLIENTS, prefix]);
      return {
        subjects: rows.flatMap(({ subject }) =>
          typeof subject === "string" ? [[subject, 1] as const] : [],
        ),
        next: rows.length < CLIENTS ? null : Number(rows.at(-1)?.["id"]),
      };
    },
    async suspensions() {
      const rows = await session.query(
        "SELECT scope, value, reason, since FROM accredit.suspensions",
      );
      return rows
        .map((row) => rowToSuspension(row))
        .toSorted(
          (one, other) =>
            one.since - other.since ||
            compare(one.scope, other.scope) ||
            compare(one.value, other.value),
        );
    },
    async suspensionsOf(who) {
      const targets = targetsNaming(who);
      const keys = targets.map(({ value }) => keyOf(value));
      const rows = await session.query(FOUND, [
        targets.map(({ scope }) => scope),
        keys,
        keys.filter((_, index) => targets[index]?.scope === "subject"),
      ]);
      return rows.map((row) => rowToFoundSuspension(row));
    },
    async statusLists() {
      const rows = await session.query(
        "SELECT DISTINCT list_url FROM accredit.client_status_lists",
      );
      return rows.map((row) => String(row["list_url"])).toSorted(compare);
    },
    async clientsOnStatusList(listUrl, after = 0, limit) {
      const rows = await clients(
        `id IN (SELECT client FROM accredit.client_status_lists
           WHERE list_key = $1 AND client > $2 ORDER BY client LIMIT $3) ORDER BY id`,
        keyOf(listUrl),
        after,
        limit,
      );
      return statusListPageOf(rows, limit);
    },
  };
}

const FOUND = `SELECT ${SUSPENSION_COLUMNS} FROM accredit.suspensions
  WHERE (scope, value_key) IN (SELECT * FROM unnest($1::text[], $2::text[]))
  UNION SELECT ${SUSPENSION_COLUMNS} FROM accredit.suspensions WHERE client_subject_key = ANY($3::text[])
  UNION SELECT ${SUSPENSION_COLUMNS} FROM accredit.suspensions
  WHERE scope = 'subject' AND strpos(value, '*') > 0`;

const TARGETS = {
  trust: "SELECT clients FROM accredit.trust_counts WHERE trust = $1",
  rule: "SELECT clients FROM accredit.client_counts WHERE rule = $1",
  subject:
    "SELECT count(*) AS clients FROM accredit.clients WHERE subject_key = $1 AND state = 'live'",
  client:
    "SELECT count(*) AS clients FROM accredit.clients WHERE client_key = $1 AND state = 'live'",
};

/** Clients that one statement goes through: it takes no longer, however many there are. */
const CLIENTS = 1000;
// Goes through every client, whatever the collation is: no index finds what begins so.
const SUBJECTS = `SELECT id,
    CASE WHEN state = 'live' AND left(subject, length($3)) = $3 THEN subject END AS subject
  FROM accredit.clients WHERE id > $1 ORDER BY id LIMIT $2`;

/** The chain covers `client_id`; rows are looked up by its hash. */
function isFiled({ client_id: id, client_key: key }: Row): boolean {
  return key === (typeof id === "string" ? keyOf(id) : null);
}

/** By code units, whatever the collation of the database is. */
function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

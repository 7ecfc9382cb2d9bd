import type { Column, WriteOp } from "../lib/writer-protocol.ts";
import { CountChanges } from "./counts.ts";
import { keyOf } from "./keys.ts";
import type { Session } from "./session.ts";
import { transposed, type WriterTransaction } from "./transaction.ts";

type RegisterOp = Extract<WriteOp, { kind: "register" }>;

/** The columns of a proposal, in the order of `clientToColumns`, and those that the writer adds. */
const PROPOSED = [
  "client_id",
  "kind",
  "trust",
  "subject",
  "software_id",
  "issued_at",
  "updated_at",
  "rule",
  "metadata",
  "provenance",
  "resources",
  "credential",
  "key_thumbprints",
  "lease_expires_at",
  "management_token_hash",
  "registration_id",
];
const ADDED = ["id", "identity_key", "client_key", "subject_key", "revision"];
const COLUMNS = [...PROPOSED, ...ADDED];
const NUMBERS = new Set([
  "issued_at",
  "updated_at",
  "lease_expires_at",
  "id",
  "revision",
]);
/** Stay as they are when a client registers again. */
const KEPT = new Set([
  "id",
  "client_id",
  "client_key",
  "issued_at",
  "registration_id",
]);
const at = (name: string): number => COLUMNS.indexOf(name);

const UPSERT = `INSERT INTO accredit.clients (${COLUMNS.join(", ")}, state)
  SELECT *, 'live' FROM unnest(${COLUMNS.map((name, index) => `$${index + 1}::${NUMBERS.has(name) ? "int8" : "text"}[]`).join(", ")})
  ON CONFLICT (identity_key) DO UPDATE SET state = 'live', ended_at = NULL,
    credential_withdrawn = NULL, ${COLUMNS.filter((name) => !KEPT.has(name))
      .map((name) => `${name} = excluded.${name}`)
      .join(", ")}`;
const LOAD = `SELECT id, identity_key, client_id, issued_at, revision, rule, trust, state, key_thumbprints,
    management_token_hash, registration_id
  FROM accredit.clients WHERE identity_key = ANY($1::text[])`;
const OF_RULES = `SELECT rule AS name, clients FROM accredit.client_counts WHERE rule = ANY($1::text[])`;
const OF_TRUSTS = `SELECT trust AS name, clients FROM accredit.trust_counts WHERE trust = ANY($1::text[])`;
const OF_SUBJECTS = `SELECT subject_key, trust, kind, count(*) AS clients FROM accredit.clients
  WHERE subject_key = ANY($1::text[]) GROUP BY subject_key, trust, kind`;
const FORGET_LISTS = `DELETE FROM accredit.client_status_lists WHERE client = ANY($1::int8[])`;
const ADD_LISTS = `INSERT INTO accredit.client_status_lists (list_key, client, list_url)
  SELECT * FROM unnest($1::text[], $2::int8[], $3::text[])`;

/** What is known of one client while the batch is decided. */
interface Known {
  readonly id: number;
  readonly clientId: string;
  readonly issuedAt: number;
  readonly revision: number;
  readonly rule: string;
  readonly trust: string;
  readonly isLive: boolean;
  readonly keyThumbprints: Column;
  readonly managementTokenHash: Column;
  readonly registrationId: Column;
}

/** How many clients there are where a proposal has a limit. */
interface Totals {
  readonly rule: Map<string, number>;
  readonly trust: Map<string, number>;
  /** By {@link subjectOf}; a client that ended still counts. */
  readonly subject: Map<string, number>;
}

/** What a proposal came to, in the shape of the writer's answer: what was denied, or the client. */
type Answer = readonly Column[];

/**
 * Registers clients one after the other and writes them together: each sees those before it, whoever else
 * writes waits.
 */
export async function registerClients(
  transaction: WriterTransaction,
  ops: readonly RegisterOp[],
): Promise<readonly Answer[]> {
  const { session } = transaction;
  const known = await loadKnown(session, ops);
  const totals = await loadTotals(session, ops);
  const counts = new CountChanges();
  const rows = new Map<string, readonly Column[]>();
  const lists = new Map<number, readonly string[]>();
  const again = new Set<number>();

  const answers = ops.map((op): Answer => {
    const identity = keyOf(...op.identity);
    const before = known.get(identity);
    const denied = denialOf(op, before, totals);
    if (denied !== undefined) return [denied];
    const after = clientAfter(op, before, () => transaction.nextClientNumber());
    known.set(identity, after);
    rows.set(identity, rowOf(op, identity, after));
    lists.set(after.id, op.statusLists);
    if (before !== undefined) again.add(after.id);
    if (before === undefined) addTo(totals.subject, subjectOf(op), 1);
    for (const [client, change] of [
      [before?.isLive === true ? before : undefined, -1],
      [after, 1],
    ] as const) {
      if (client === undefined) continue;
      counts.add(client, change);
      addTo(totals.rule, client.rule, change);
      addTo(totals.trust, client.trust, change);
    }
    const created = after.revision === 1;
    const action = created ? "client.registered" : "client.updated";
    transaction.appendAudit(op.audit, action, after.clientId);
    const { clientId, issuedAt, registrationId } = after;
    return [null, clientId, issuedAt, created ? 1 : 0, registrationId];
  });

  if (rows.size === 0) return answers;
  await session.query(UPSERT, transposed([...rows.values()]));
  await counts.write(session);
  await writeLists(session, lists, [...again]);
  return answers;
}

function denialOf(
  { rule, identity, client, conditions }: RegisterOp,
  before: Known | undefined,
  totals: Totals,
): string | undefined {
  const { mustExist, mustBe } = conditions;
  if ((mustExist === true || mustBe !== undefined) && before === undefined)
    return "client_unknown";
  if (
    mustBe !== undefined &&
    (before?.clientId !== mustBe.clientId ||
      before.registrationId !== mustBe.registrationId ||
      before.managementTokenHash !== mustBe.managementTokenHash)
  )
    return "client_unknown";
  const [, trust, , softwareId] = identity;
  const { maxClientsOfRule, maxClientsOfTrust, maxClientsPerSubject } =
    conditions;
  const isFull = (
    of: ReadonlyMap<string, number>,
    name: string,
    max: number | undefined,
  ): boolean => max !== undefined && (of.get(name) ?? 0) >= max;
  const full =
    isFull(totals.rule, rule, maxClientsOfRule) ||
    isFull(totals.trust, String(trust), maxClientsOfTrust) ||
    (softwareId !== "" &&
      isFull(totals.subject, subjectKeyOf(identity), maxClientsPerSubject));
  if (full && before?.isLive !== true) return "quota_exceeded";
  const keysDiffer =
    before !== undefined &&
    before.keyThumbprints !== client[at("key_thumbprints")];
  return keysDiffer && !conditions.keysProven ? "client_keys_fixed" : undefined;
}

function clientAfter(
  { client, rule, identity, conditions }: RegisterOp,
  before: Known | undefined,
  nextNumber: () => number,
): Known {
  const proposedHash = client[at("management_token_hash")] ?? null;
  return {
    id: before?.id ?? nextNumber(),
    clientId: before?.clientId ?? String(client[at("client_id")]),
    issuedAt: before?.issuedAt ?? Number(client[at("issued_at")]),
    revision: (before?.revision ?? 0) + 1,
    rule,
    trust: String(identity[1]),
    isLive: true,
    keyThumbprints: client[at("key_thumbprints")] ?? null,
    managementTokenHash:
      before === undefined || conditions.keysProven
        ? proposedHash
        : before.managementTokenHash,
    registrationId:
      before === undefined
        ? (client[at("registration_id")] ?? null)
        : before.registrationId,
  };
}

function rowOf(
  { client, identity }: RegisterOp,
  identityKey: string,
  {
    id,
    clientId,
    issuedAt,
    revision,
    managementTokenHash,
    registrationId,
  }: Known,
): readonly Column[] {
  const row = [...client];
  row[at("client_id")] = clientId;
  row[at("issued_at")] = issuedAt;
  row[at("management_token_hash")] = managementTokenHash;
  row[at("registration_id")] = registrationId;
  const [subject = null] = identity;
  return [...row, id, identityKey, keyOf(clientId), keyOf(subject), revision];
}

async function loadKnown(
  session: Session,
  ops: readonly RegisterOp[],
): Promise<Map<string, Known>> {
  const identities = ops.map(({ identity }) => keyOf(...identity));
  const rows = await session.query(LOAD, [[...new Set(identities)]]);
  return new Map(
    rows.map((row) => [
      String(row["identity_key"]),
      {
        id: Number(row["id"]),
        clientId: String(row["client_id"]),
        issuedAt: Number(row["issued_at"]),
        revision: Number(row["revision"]),
        rule: String(row["rule"]),
        trust: String(row["trust"]),
        isLive: row["state"] === "live",
        keyThumbprints: row["key_thumbprints"] as Column,
        managementTokenHash: row["management_token_hash"] as Column,
        registrationId: row["registration_id"] as Column,
      },
    ]),
  );
}

/** Only what is limited is counted. */
async function loadTotals(
  session: Session,
  ops: readonly RegisterOp[],
): Promise<Totals> {
  const load = async (sql: string, names: readonly string[]) =>
    names.length === 0 ? [] : session.query(sql, [[...new Set(names)]]);
  const byName = async (sql: string, names: readonly string[]) =>
    new Map(
      (await load(sql, names)).map((row) => [
        String(row["name"]),
        Number(row["clients"]),
      ]),
    );
  const rules = ops
    .filter(({ conditions }) => conditions.maxClientsOfRule !== undefined)
    .map(({ rule }) => rule);
  const trusts = ops
    .filter(({ conditions }) => conditions.maxClientsOfTrust !== undefined)
    .map(({ identity }) => String(identity[1]));
  const subjects = ops
    .filter(({ identity }) => identity[3] !== "")
    .map(({ identity: [subject = null] }) => keyOf(subject));
  const ofSubjects = await load(OF_SUBJECTS, subjects);
  return {
    rule: await byName(OF_RULES, rules),
    trust: await byName(OF_TRUSTS, trusts),
    subject: new Map(
      ofSubjects.map(({ subject_key, trust, kind, clients }) => [
        keyOf(String(subject_key), String(trust), String(kind)),
        Number(clients),
      ]),
    ),
  };
}

async function writeLists(
  session: Session,
  lists: ReadonlyMap<number, readonly string[]>,
  again: readonly number[],
): Promise<void> {
  if (again.length > 0) await session.query(FORGET_LISTS, [again]);
  const rows = [...lists].flatMap(([client, urls]) =>
    [...new Set(urls)].map((url): Column[] => [keyOf(url), client, url]),
  );
  if (rows.length > 0) await session.query(ADD_LISTS, transposed(rows));
}

const subjectOf = ({ identity }: RegisterOp): string => subjectKeyOf(identity);

function subjectKeyOf([
  subject = null,
  trust = null,
  kind = null,
]: readonly Column[]): string {
  return keyOf(keyOf(subject), trust, kind);
}

function addTo(to: Map<string, number>, name: string, change: number): void {
  to.set(name, (to.get(name) ?? 0) + change);
}

import type { DatabaseSync } from "node:sqlite";
import type { RegistrationConditions } from "@accredit/core/ports";
import type { Column, WriteOp } from "../lib/writer-protocol.ts";

// One statement decides whether the client is new and writes it. A client that is there is left alone
// where its keys are not proven and the proposed ones are others: then no row comes back.
// Numbers only rise, also past those of clients that are gone: they are where a page of clients begins.
const UPSERT = `INSERT INTO clients
  (id, client_id, kind, trust, subject, software_id, issued_at, updated_at, rule, metadata, provenance,
   resources, credential, key_thumbprints, lease_expires_at, management_token_hash, registration_id, revision)
  VALUES ((SELECT 1 + max(gone, (SELECT ifnull(max(id), 0) FROM clients)) FROM client_numbers),
   ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 1)
  ON CONFLICT (subject, trust, kind, software_id) DO UPDATE SET
    updated_at = excluded.updated_at, rule = excluded.rule, metadata = excluded.metadata,
    provenance = excluded.provenance, resources = excluded.resources, credential = excluded.credential,
    key_thumbprints = excluded.key_thumbprints, lease_expires_at = excluded.lease_expires_at,
    management_token_hash = iif(?17, excluded.management_token_hash, management_token_hash),
    state = 'live', ended_at = NULL, credential_withdrawn = NULL,
    revision = revision + 1
    WHERE ?17 OR key_thumbprints IS excluded.key_thumbprints
  RETURNING id, client_id, issued_at, registration_id, revision`;

const STATE = `SELECT state, client_id, management_token_hash, registration_id FROM clients
  WHERE subject = ? AND trust = ? AND kind = ? AND software_id = ?`;
const OF_SUBJECT = `SELECT count(*) AS clients FROM clients
  WHERE subject = ? AND trust = ? AND kind = ?`;
const OF_RULE = "SELECT clients FROM client_counts WHERE rule = ?";
const OF_TRUST = "SELECT clients FROM trust_counts WHERE trust = ?";

const FORGET_LISTS = "DELETE FROM client_status_lists WHERE client = ?";
const ADD_LIST = `INSERT INTO client_status_lists (list_url, client) VALUES (?, ?)
  ON CONFLICT DO NOTHING`;

/** What became of a proposed client: written, or why not. */
export type RegistrarOutcome =
  | {
      readonly denied:
        "quota_exceeded" | "client_keys_fixed" | "client_unknown";
    }
  | {
      readonly denied?: undefined;
      readonly clientId: string;
      readonly issuedAt: number;
      readonly registrationId: Column;
      readonly created: boolean;
    };

/** Prepares the statements that register a client; the result runs within the writer's transaction. */
export function clientRegistrar(
  db: DatabaseSync,
): (op: Extract<WriteOp, { kind: "register" }>) => RegistrarOutcome {
  const upsert = db.prepare(UPSERT);
  const stateOf = db.prepare(STATE);
  const ofSubject = db.prepare(OF_SUBJECT);
  const ofRule = db.prepare(OF_RULE);
  const ofTrust = db.prepare(OF_TRUST);
  const forgetLists = db.prepare(FORGET_LISTS);
  const addList = db.prepare(ADD_LIST);

  /**
   * Whether a newcomer would be one too many. A client that lives is never one (renewals go on); one whose
   * lease has ended gave its place away.
   */
  const isFull = (
    identity: readonly (string | number | null)[],
    rule: string,
    conditions: RegistrationConditions,
  ): boolean => {
    const { maxClientsOfRule, maxClientsOfTrust, maxClientsPerSubject } =
      conditions;
    const [subject = null, trust = null, kind = null, softwareId] = identity;
    const countOf = (row: Readonly<Record<string, unknown>> | undefined) =>
      Number(row?.["clients"] ?? 0);
    const ruleIsFull =
      maxClientsOfRule !== undefined &&
      countOf(ofRule.get(rule)) >= maxClientsOfRule;
    const trustIsFull =
      maxClientsOfTrust !== undefined &&
      countOf(ofTrust.get(trust)) >= maxClientsOfTrust;
    const subjectIsFull =
      softwareId !== "" &&
      countOf(ofSubject.get(subject, trust, kind)) >= maxClientsPerSubject;
    return (
      (ruleIsFull || trustIsFull || subjectIsFull) &&
      stateOf.get(...identity)?.["state"] !== "live"
    );
  };

  const isThere = (
    identity: readonly Column[],
    { mustExist, mustBe }: RegistrationConditions,
  ): boolean => {
    if (mustExist !== true && mustBe === undefined) return true;
    const row = stateOf.get(...identity);
    return (
      row !== undefined &&
      (mustBe === undefined ||
        (row["client_id"] === mustBe.clientId &&
          row["registration_id"] === mustBe.registrationId &&
          row["management_token_hash"] === mustBe.managementTokenHash))
    );
  };

  return ({ client, identity, rule, conditions, statusLists }) => {
    if (!isThere(identity, conditions)) return { denied: "client_unknown" };
    if (isFull(identity, rule, conditions)) return { denied: "quota_exceeded" };
    const row = upsert.get(...client, conditions.keysProven ? 1 : 0);
    if (row === undefined) return { denied: "client_keys_fixed" };
    const created = row["revision"] === 1;
    if (!created) forgetLists.run(Number(row["id"]));
    for (const url of statusLists) addList.run(url, Number(row["id"]));
    return {
      clientId: String(row["client_id"]),
      issuedAt: Number(row["issued_at"]),
      registrationId: row["registration_id"] as Column,
      created,
    };
  };
}

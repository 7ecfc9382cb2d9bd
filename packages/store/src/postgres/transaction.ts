import {
  auditColumns,
  CHAINED_COLUMNS,
  chainValue,
  namedClients,
} from "../lib/audit-chain.ts";
import type { Column } from "../lib/writer-protocol.ts";
import type { Row } from "../lib/records.ts";
import { keyOf } from "./keys.ts";
import { readState, STATE_COLUMNS, type ServerState } from "./server-state.ts";
import type { Parameter, Session } from "./session.ts";

const CLIENT_ID = CHAINED_COLUMNS.indexOf("client_id");
/** The columns of an audit row in the order in which they are inserted. */
const AUDIT_COLUMNS = ["seq", ...CHAINED_COLUMNS, "client_key", "chain"];
const NUMBERS = new Set(["seq", "time"]);
const INSERT_AUDIT = `INSERT INTO accredit.audit (${AUDIT_COLUMNS.join(", ")})
  SELECT * FROM unnest(${AUDIT_COLUMNS.map((name, index) => `$${index + 1}::${NUMBERS.has(name) ? "int8" : "text"}[]`).join(", ")})`;

const NAME_CLIENTS = `INSERT INTO accredit.audit_clients (client_key, seq)
  SELECT * FROM unnest($1::text[], $2::int8[])`;

/**
 * One transaction of the only writer that there is at a time: it holds the row that says where the audit trail
 * and the numbers of the clients have come to.
 */
export class WriterTransaction {
  readonly session: Session;
  #chain: string | null;
  #auditSeq: number;
  #clientSeq: number;
  readonly #databaseNow: number;
  #audits: Column[][] = [];
  /** Clients that rows about many name: the key of each, and the row's number. */
  #named: Column[][] = [];

  private constructor(session: Session, row: Row, { now }: ServerState) {
    this.session = session;
    this.#chain = row["chain"] as string | null;
    this.#auditSeq = Number(row["audit_seq"]);
    this.#clientSeq = Number(row["client_seq"]);
    this.#databaseNow = now;
  }

  /**
   * Waits for whoever writes now.
   *
   * @param schemaVersion that this release knows
   * @throws {DcrError} `store_unavailable`: the schema is for newer releases
   */
  static async begin(
    session: Session,
    schemaVersion: number,
  ): Promise<WriterTransaction> {
    await session.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    // Numbers that somebody gave to audit rows are left to them: that shows, and stops nobody.
    const [row] = await session.query(
      `SELECT chain, client_seq,
         greatest(audit_seq, (SELECT max(seq) FROM accredit.audit)) AS audit_seq, ${STATE_COLUMNS}
       FROM accredit.writer_state WHERE one = 1 FOR UPDATE`,
    );
    const state = readState(row, schemaVersion);
    return new WriterTransaction(session, row ?? {}, state);
  }

  /**
   * This node's time, or the database's where it is earlier: what is deleted for all nodes is over by two
   * clocks.
   */
  earlier(nodeNow: number): number {
    return Math.min(nodeNow, this.#databaseNow);
  }

  nextClientNumber(): number {
    return ++this.#clientSeq;
  }

  /** Appends one row to the trail; it is written with the others. */
  appendAudit(
    draft: readonly Column[],
    action: string,
    clientId: string | null,
    details?: Readonly<Record<string, unknown>>,
  ): void {
    const columns = auditColumns(draft, action, clientId, details);
    this.#chain = chainValue(this.#chain, columns);
    const seq = ++this.#auditSeq;
    this.#audits.push([seq, ...columns, this.#chain]);
    for (const client of namedClients(details))
      this.#named.push([keyOf(client), seq]);
  }

  async flushAudits(): Promise<void> {
    if (this.#audits.length === 0) return;
    const rows = this.#audits.map((row) => {
      const clientId = row[CLIENT_ID + 1] ?? null;
      const key = clientId === null ? null : keyOf(clientId);
      return row.toSpliced(-1, 0, key);
    });
    this.#audits = [];
    await this.session.query(INSERT_AUDIT, transposed(rows));
    const named = this.#named;
    this.#named = [];
    if (named.length > 0)
      await this.session.query(NAME_CLIENTS, transposed(named));
  }

  async commit(): Promise<void> {
    await this.flushAudits();
    await this.session.query(
      "UPDATE accredit.writer_state SET chain = $1, audit_seq = $2, client_seq = $3 WHERE one = 1",
      [this.#chain, this.#auditSeq, this.#clientSeq],
    );
    await this.session.query("COMMIT");
  }

  /** Runs a part whose failure leaves the rest as it was. */
  async apart<T>(run: () => Promise<T>): Promise<T> {
    const before = [this.#chain, this.#auditSeq, this.#clientSeq] as const;
    await this.session.query("SAVEPOINT one");
    try {
      const result = await run();
      await this.flushAudits();
      await this.session.query("RELEASE SAVEPOINT one");
      return result;
    } catch (error) {
      await this.session.query("ROLLBACK TO SAVEPOINT one");
      [this.#chain, this.#auditSeq, this.#clientSeq] = before;
      this.#audits = [];
      this.#named = [];
      throw error;
    }
  }

  /** Runs a part of which nothing stays, to learn whether it is refused. */
  async rehearse(run: () => Promise<unknown>): Promise<void> {
    await this.flushAudits();
    const over = new Error("the rehearsal is over");
    try {
      await this.apart(async () => {
        await run();
        await this.flushAudits();
        throw over;
      });
    } catch (error) {
      if (error !== over) throw error;
    }
  }
}

/** Rows as the columns that `unnest` takes. */
export function transposed(
  rows: readonly (readonly Column[])[],
): readonly Parameter[] {
  return (rows[0] ?? []).map((_, index) =>
    rows.map((row) => row[index] ?? null),
  );
}

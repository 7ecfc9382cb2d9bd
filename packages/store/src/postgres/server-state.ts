import { notReady } from "../lib/make-store.ts";
import type { Session } from "./session.ts";

/** How long an answer counts, milliseconds. */
const FRESH_MS = 5000;

/** What the database says of itself and of those who use it. */
export interface ServerState {
  /** Epoch seconds. */
  readonly now: number;
  /** Whether it refuses all writes; undefined to who is writing. */
  readonly isReadOnly?: boolean;
}

/** The columns of `accredit.writer_state` that {@link readState} reads. */
export const STATE_COLUMNS =
  "compatible_from, floor(extract(epoch FROM clock_timestamp()))::int8 AS now";

/**
 * Reads the row of `accredit.writer_state`.
 *
 * @param schemaVersion that this release knows
 * @throws {DcrError} `store_unavailable`: the schema is for newer releases
 */
export function readState(
  row: Readonly<Record<string, unknown>> | undefined,
  schemaVersion: number,
): ServerState {
  if (row === undefined) throw new Error("accredit.writer_state is empty");
  const needed = Number(row["compatible_from"]);
  if (needed > schemaVersion)
    throw notReady(
      `the database's schema is for releases that know version ${needed} or later; this one knows versions up to ${schemaVersion}`,
    );
  return { now: Number(row["now"]) };
}

/**
 * A session whose statements run only while the schema is one that this release may read: what it reads might mean
 * something else by now. It asks for that before the first statement and then every few seconds.
 */
export function guardedSession(
  session: Session,
  schemaVersion: number,
): Session {
  let asked: { readonly at: number; readonly state: Promise<unknown> } = {
    at: -Infinity,
    state: Promise.resolve(),
  };
  return {
    async query(sql, parameters) {
      if (performance.now() - asked.at >= FRESH_MS) {
        const state = askState(session, schemaVersion);
        // An outage is no answer: the next statement asks again.
        state.catch(() => (asked = { ...asked, at: -Infinity }));
        asked = { at: performance.now(), state };
      }
      await asked.state;
      return session.query(sql, parameters);
    },
  };
}

/** Asks the database now. */
export async function askState(
  session: Session,
  schemaVersion: number,
): Promise<ServerState> {
  const [row] = await session.query(
    `SELECT ${STATE_COLUMNS}, current_setting('transaction_read_only', true) AS read_only
     FROM accredit.writer_state`,
  );
  const state = readState(row, schemaVersion);
  return { ...state, isReadOnly: row?.["read_only"] === "on" };
}

import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "@accredit/store";
import type { Acknowledged } from "./load.ts";

/** What a look into the database found. */
export interface Findings {
  readonly lost: number;
  readonly problems: readonly string[];
}

/**
 * Looks for every acknowledged registration in the database: the client under its id, once, with the one
 * audit row that was written with it. Then reads the whole audit trail and follows its chain.
 */
export async function verifyDatabase(
  databaseFile: string,
  acknowledged: readonly Acknowledged[],
): Promise<Findings> {
  const store = await openSqliteStore({
    path: databaseFile,
    clock: { now: () => Math.floor(Date.now() / 1000) },
    integrityCheck: "full",
  });
  const db = new DatabaseSync(databaseFile, { readOnly: true });
  try {
    // All at once: the audit trail has no index by client.
    const audited = new Map(
      db
        .prepare(
          "SELECT client_id, count(*) AS n FROM audit WHERE action = 'client.registered' GROUP BY client_id",
        )
        .all()
        .map((row) => [row["client_id"], row["n"]]),
    );
    let lost = 0;
    for (const { clientId, subject } of acknowledged) {
      const found = await store.findSpiffeClients(subject);
      const [only] = found;
      const isKept =
        found.length === 1 &&
        only?.clientId === clientId &&
        audited.get(clientId) === 1;
      if (!isKept) lost++;
    }
    const { broken } = await store.verifyAudit();
    return {
      lost,
      problems: [
        ...(lost === 0 ? [] : [`${lost} acknowledged registrations are lost`]),
        ...(broken === null
          ? []
          : [`the audit chain is broken at row ${broken.sequence}`]),
      ],
    };
  } finally {
    db.close();
    await store.close();
  }
}

/** How many acknowledged clients of credentials are not there under their id and subject. */
export async function verifyCredentialClients(
  databaseFile: string,
  acknowledged: readonly Acknowledged[],
): Promise<number> {
  const store = await openSqliteStore({
    path: databaseFile,
    clock: { now: () => Math.floor(Date.now() / 1000) },
    integrityCheck: "full",
  });
  try {
    let lost = 0;
    for (const { clientId, subject } of acknowledged)
      if ((await store.findClient(clientId))?.subject !== subject) lost++;
    return lost;
  } finally {
    await store.close();
  }
}

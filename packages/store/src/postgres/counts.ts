import { transposed } from "./transaction.ts";
import type { Session } from "./session.ts";

const change = (table: string, name: string): string =>
  `INSERT INTO accredit.${table} (${name}, clients) SELECT * FROM unnest($1::text[], $2::int8[])
   ON CONFLICT (${name}) DO UPDATE SET clients = ${table}.clients + excluded.clients`;
const CHANGE = {
  rule: change("client_counts", "rule"),
  trust: change("trust_counts", "trust"),
};

/** Live clients that came and went, by policy rule and by trust source. */
export class CountChanges {
  readonly rule = new Map<string, number>();
  readonly trust = new Map<string, number>();

  add(client: { rule: string; trust: string }, clients: 1 | -1): void {
    for (const scope of ["rule", "trust"] as const) {
      const name = client[scope];
      this[scope].set(name, (this[scope].get(name) ?? 0) + clients);
    }
  }

  async write(session: Session): Promise<void> {
    for (const scope of ["rule", "trust"] as const) {
      const changes = [...this[scope]].filter(([, clients]) => clients !== 0);
      if (changes.length > 0)
        await session.query(CHANGE[scope], transposed(changes));
    }
  }
}

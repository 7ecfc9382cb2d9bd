import { createHash } from "node:crypto";
import { DcrError } from "@accredit/core/errors";
import type {
  AuditEntry,
  AuditQuery,
  AuditRecord,
  AuditSection,
  AuditVerdict,
} from "@accredit/core/ports";

/** An audit trail in memory: what is appended stays as it was. */
export class FakeAuditTrail {
  readonly #rows: AuditRecord[] = [];

  /** @throws {DcrError} `store_unavailable`: a row of this id is there */
  append(entry: AuditEntry): void {
    if (this.#rows.some(({ id }) => id === entry.id))
      throw new DcrError(
        "store_unavailable",
        `audit row ${entry.id} is there already`,
      );
    const previous = this.#rows.at(-1);
    this.#rows.push({
      ...entry,
      sequence: (previous?.sequence ?? 0) + 1,
      chain: createHash("sha256")
        .update(JSON.stringify([previous?.chain, entry]))
        .digest("hex"),
    });
  }

  read(query: AuditQuery): readonly AuditRecord[] {
    const { limit, before = Infinity, clientId, action } = query;
    const rows = this.#rows.filter(
      (row) =>
        row.sequence < before &&
        (clientId === undefined || isAbout(row, clientId)) &&
        (action === undefined || row.action === action),
    );
    return structuredClone(rows.toReversed().slice(0, limit));
  }

  find(id: string): AuditRecord | undefined {
    return structuredClone(this.#rows.find((row) => row.id === id));
  }

  verify({ after, limit = Infinity, head }: AuditSection): AuditVerdict {
    const from = after?.sequence ?? 0;
    const place = this.#rows[from - 1];
    const rows = this.#rows.slice(from).slice(0, limit);
    const last = rows.at(-1) ?? place;
    return {
      rows: rows.length,
      unchained: 0,
      sequence: last?.sequence ?? 0,
      head: last?.chain ?? null,
      complete: rows.length < limit,
      anchored:
        head === undefined ||
        [place, ...rows].some((row) => row?.chain === head),
      broken:
        (place?.chain ?? null) === (after?.chain ?? null)
          ? null
          : { sequence: from, id: null, reason: "expected another row" },
    };
  }
}

/** Whether a row is a client's, or names it among others. */
function isAbout({ clientId, details }: AuditRecord, asked: string): boolean {
  const named =
    details?.["scope"] === "client" ? [details["value"]] : details?.["clients"];
  return clientId === asked || (Array.isArray(named) && named.includes(asked));
}

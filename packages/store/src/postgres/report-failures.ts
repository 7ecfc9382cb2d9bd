import type { StoreFailure } from "../lib/write-queue.ts";
import { describePostgresFailure } from "./postgres-error.ts";
import type { Session } from "./session.ts";

/**
 * A session that tells of the first statement that failed after one that did not: whoever asked learns only that the
 * store cannot be read.
 */
export function reportFailures(
  session: Session,
  onFailure: (failure: StoreFailure) => void,
): Session {
  let isFailing = false;
  return {
    async query(sql, parameters) {
      try {
        const rows = await session.query(sql, parameters);
        isFailing = false;
        return rows;
      } catch (error) {
        if (!isFailing) {
          isFailing = true;
          onFailure({
            kind: "unreachable",
            detail: `a read failed: ${describePostgresFailure(error)}`,
          });
        }
        throw error;
      }
    },
  };
}

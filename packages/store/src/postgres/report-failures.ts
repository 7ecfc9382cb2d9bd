import type { StoreFailure } from "../lib/write-queue.ts";
import { describePostgresFailure } from "./postgres-error.ts";
import type { Session } from "./session.ts";

/** For how long a failure that was told is not told again, milliseconds. */
const QUIET_MS = 30_000;
/** More than there are ways to fail: a text may name a block of a damaged table. */
const MAX_KNOWN = 100;

/**
 * A session that tells why a statement failed: whoever asked learns only that the store cannot be read. What goes on
 * is told now and then, with how often it was so, also where every other statement succeeds.
 *
 * @param now milliseconds, by a clock that leaps nowhere
 */
export function reportFailures(
  session: Session,
  onFailure: (failure: StoreFailure) => void,
  now: () => number,
): Session {
  const told = new Map<string, { readonly at: number; untold: number }>();
  const tell = (failure: string): void => {
    const at = now();
    const last = told.get(failure);
    if (last !== undefined && at - last.at < QUIET_MS) {
      last.untold++;
      return;
    }
    if (told.size >= MAX_KNOWN) told.clear();
    told.set(failure, { at, untold: 0 });
    const meanwhile =
      last === undefined || last.untold === 0
        ? ""
        : `; ${last.untold} times more since it was last told`;
    onFailure({
      kind: "unreachable",
      detail: `a read failed: ${failure}${meanwhile}`,
    });
  };
  return {
    async query(sql, parameters) {
      try {
        return await session.query(sql, parameters);
      } catch (error) {
        tell(describePostgresFailure(error));
        throw error;
      }
    },
  };
}

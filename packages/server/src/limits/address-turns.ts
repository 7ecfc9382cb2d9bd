import { DcrError } from "@accredit/core/errors";
import { addressKey } from "./keys.ts";
import type { TokenBuckets } from "./token-buckets.ts";

/** Requests in work at once of an address that takes turns: enough for many good ones, few enough to leave room. */
export const MOST_IN_TURN = 4;

/** Requests of one address that wait for their turn; whoever comes then is not worked on at all. */
export const MOST_WAITING = 256;

/** Makes the requests of some addresses take turns. */
export interface AddressTurns {
  /** Whether requests of this peer take turns at the moment. */
  areTaken(remote: string | null): boolean;
  /**
   * Waits for a turn; the function ends it, once.
   *
   * @throws {DcrError} `overloaded` where too many wait already
   */
  take(remote: string | null): Promise<() => void>;
}

/** Where everybody comes in. */
export const NO_TURNS: AddressTurns = {
  areTaken: () => false,
  take: () => Promise.resolve(() => {}),
};

/**
 * Makes those take turns who had more refusals than are told. To find a signature bad costs as much as to find it
 * good: without turns, one address that sends nothing else would keep all threads that verify, and everybody else
 * would wait behind it. The good requests of such an address wait for their turn and are served (D05, D11).
 *
 * @param unproven the refusals that each address has left
 * @param countRefused hears of each request that was not let wait
 */
export function createAddressTurns(
  unproven: Pick<TokenBuckets, "isEmpty">,
  countRefused: () => void,
): AddressTurns {
  const lines = new Map<string, { inWork: number; waiting: (() => void)[] }>();

  const leave = (key: string): void => {
    const line = lines.get(key);
    if (line === undefined) return;
    const next = line.waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    line.inWork--;
    if (line.inWork === 0) lines.delete(key);
  };

  return {
    areTaken: (remote) => {
      const key = addressKey(remote);
      return lines.has(key) || unproven.isEmpty(key);
    },
    async take(remote) {
      const key = addressKey(remote);
      const line = lines.get(key) ?? { inWork: 0, waiting: [] };
      lines.set(key, line);
      if (line.waiting.length >= MOST_WAITING) {
        countRefused();
        throw new DcrError(
          "overloaded",
          "too much of what this address sends is refused, and too many of its requests wait: try again when Retry-After says",
        );
      }
      // A turn that ends is handed to the next in line, and so is still in work.
      if (line.inWork < MOST_IN_TURN) line.inWork++;
      else await new Promise<void>((resolve) => line.waiting.push(resolve));
      let ended = false;
      return () => {
        if (!ended) leave(key);
        ended = true;
      };
    },
  };
}

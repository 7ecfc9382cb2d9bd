import type { Clock } from "./clock.ts";
import { AccreditClientError } from "./error.ts";

const FIRST_SECONDS = 1;
const MAX_SECONDS = 60;

/** Keeps attempts apart that fail one after the other. */
export interface Backoff {
  /** Why no attempt is due now, with the seconds until one is; undefined where one is. */
  refusal(): unknown;
  failed(error: unknown): void;
  succeeded(): void;
}

/**
 * Waits 1, 2, 4, ... 60 seconds after a failure, up to half of that less at random, and never less than
 * the server asked for. By the steady clock: setting the time does not shorten it.
 */
export function createBackoff(clock: Clock, random: () => number): Backoff {
  let failures = 0;
  let until = -Infinity;
  let last: unknown;
  return {
    refusal() {
      const left = until - clock.steady();
      return left > 0 ? withRetryAfter(last, left) : undefined;
    },
    failed(error) {
      const full = Math.min(FIRST_SECONDS * 2 ** failures, MAX_SECONDS);
      const asked =
        error instanceof AccreditClientError ? error.retryAfterSeconds : 0;
      until = clock.steady() + Math.max(full * (1 - random() / 2), asked ?? 0);
      failures += 1;
      last = error;
    },
    succeeded() {
      failures = 0;
      until = -Infinity;
      last = undefined;
    },
  };
}

/** The failure of the last attempt, as it looks from now. */
function withRetryAfter(error: unknown, seconds: number): unknown {
  if (!(error instanceof AccreditClientError)) return error;
  const { code, message, status, oauthError, description } = error;
  return new AccreditClientError(code, message, {
    status,
    oauthError,
    description,
    retryAfterSeconds: seconds,
    cause: error.cause,
  });
}

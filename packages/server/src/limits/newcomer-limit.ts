import { DcrError } from "@accredit/core/errors";
import type { ClientStore } from "@accredit/core/ports";
import { attestedKey } from "./keys.ts";
import { rateLimited } from "./rate-limited.ts";
import type { TokenBuckets } from "./token-buckets.ts";

/** What the limit on newcomers needs. */
export interface NewcomerLimitOptions {
  readonly register: ClientStore["register"];
  /** New clients, by what was attested. */
  readonly newcomers: TokenBuckets;
  readonly count: (limit: "registrations") => void;
}

/**
 * Limits how fast new clients come, by trust domain and path prefix. Who is registered may register again as
 * often as it likes: past the limit the store is told to make no client, and it alone knows, in the same
 * transaction, whether there is one.
 *
 * @throws {DcrError} `rate_limited`, and what the store throws
 */
export function limitNewcomers({
  register,
  newcomers,
  count,
}: NewcomerLimitOptions): ClientStore["register"] {
  return async (proposal) => {
    const { client, conditions } = proposal;
    if (conditions.mustExist === true || conditions.mustBe !== undefined)
      return register(proposal);
    const key = attestedKey(client.trust, client.subject);
    const seconds = newcomers.take(key);
    if (seconds > 0) {
      const known = { ...conditions, mustExist: true };
      return register({ ...proposal, conditions: known }).catch(
        (error: unknown) => {
          if (!(error instanceof DcrError) || error.code !== "client_unknown")
            throw error;
          count("registrations");
          throw rateLimited("new clients of this path", seconds, error);
        },
      );
    }
    let created = false;
    try {
      const outcome = await register(proposal);
      ({ created } = outcome);
      return outcome;
    } finally {
      if (!created) newcomers.giveBack(key);
    }
  };
}

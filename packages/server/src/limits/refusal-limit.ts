import type { DcrError } from "@accredit/core/errors";
import type { RefusalSource } from "@accredit/core/registration";
import { wireError } from "../wire/errors.ts";
import { addressKey, attestedKey, subjectKey } from "./keys.ts";
import { rateLimited } from "./rate-limited.ts";
import type { TokenBuckets } from "./token-buckets.ts";

/** Turns a refusal into `rate_limited` where whoever caused it had too many; the same error twice counts once. */
export type LimitRefusal = (error: DcrError, source: RefusalSource) => DcrError;

/** The limits on refusals, and who counts what went over them. */
export interface RefusalLimitOptions {
  /** Refusals of those who proved nothing, by address. */
  readonly unproven: TokenBuckets;
  /** Refusals of those who proved who they are, by what they proved. */
  readonly proven: TokenBuckets;
  readonly count: (limit: "failed_attempts" | "refusals") => void;
}

/**
 * Makes the limit on refusals. It changes what a refusal costs (a write of its audit row) and says, and is
 * asked only once there is one: nobody is refused for what a neighbour at the same address does (D11).
 */
export function createRefusalLimit({
  unproven,
  proven,
  count,
}: RefusalLimitOptions): LimitRefusal {
  const verdicts = new WeakMap<DcrError, DcrError>();

  const judge = (error: DcrError, source: RefusalSource): DcrError => {
    if (wireError(error.code).status >= 500 || error.code === "rate_limited")
      return error;
    if (source.proven !== undefined) {
      const { trust, subject, isNewcomer } = source.proven;
      // Many whose lease has ended at once are told each to register again.
      const keyOf = isNewcomer ? attestedKey : subjectKey;
      const seconds = proven.take(keyOf(trust, subject));
      if (seconds === 0) return error;
      count("refusals");
      return rateLimited("refused requests of this workload", seconds, error);
    }
    const seconds = unproven.take(addressKey(source.remote));
    if (seconds === 0) return error;
    count("failed_attempts");
    return rateLimited("failed attempts from this address", seconds, error);
  };

  return (error, source) => {
    const known = verdicts.get(error);
    if (known !== undefined) return known;
    const verdict = judge(error, source);
    verdicts.set(error, verdict);
    return verdict;
  };
}

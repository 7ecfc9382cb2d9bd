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

type Proposal = Parameters<ClientStore["register"]>[0];

/** A newcomer that finds all that is left lent to others asks again so often at most. */
const MOST_TRIES = 4;

/**
 * Limits how fast new clients come, by trust domain and path prefix. Who is registered may register again as
 * often as it likes: past the limit the store is told to make no client, and it alone knows, in the same
 * transaction, whether there is one.
 *
 * So a renewal holds a newcomer's token until the store has said that it is one. A newcomer that comes meanwhile
 * waits for it: a fleet that renews at once refuses nobody.
 *
 * @throws {DcrError} `rate_limited`, and what the store throws
 */
export function limitNewcomers({
  register,
  newcomers,
  count,
}: NewcomerLimitOptions): ClientStore["register"] {
  /** What holds tokens of a key and may give them back. */
  const holders = new Map<string, Set<Promise<unknown>>>();

  const registerWithToken = async (
    key: string,
    proposal: Proposal,
  ): ReturnType<ClientStore["register"]> => {
    let created = false;
    try {
      const outcome = await register(proposal);
      ({ created } = outcome);
      return outcome;
    } finally {
      if (!created) newcomers.giveBack(key);
    }
  };

  /** Registers with a token in hand, and shows until it is known whether it was needed. */
  const hold = (
    key: string,
    proposal: Proposal,
  ): ReturnType<ClientStore["register"]> => {
    const outcome = registerWithToken(key, proposal);
    const ofKey = holders.get(key) ?? new Set();
    holders.set(key, ofKey.add(outcome));
    const letGo = (): void => {
      ofKey.delete(outcome);
      if (ofKey.size === 0) holders.delete(key);
    };
    outcome.then(letGo, letGo);
    return outcome;
  };

  /** Registers who is known already; gives the store's refusal of a newcomer. */
  const registerKnown = async (proposal: Proposal) => {
    const conditions = { ...proposal.conditions, mustExist: true };
    try {
      return await register({ ...proposal, conditions });
    } catch (error) {
      if (!(error instanceof DcrError) || error.code !== "client_unknown")
        throw error;
      return error;
    }
  };

  return async (proposal) => {
    const { client, conditions } = proposal;
    if (conditions.mustExist === true || conditions.mustBe !== undefined)
      return register(proposal);
    const key = attestedKey(client.trust, client.subject);
    for (let tries = 1; ; tries++) {
      const seconds = newcomers.take(key);
      if (seconds === 0) return hold(key, proposal);
      // Before the store is asked: who holds a token now may have let go of it by the time it answers.
      const held = [...(holders.get(key) ?? [])];
      const outcome = await registerKnown(proposal);
      if (!(outcome instanceof DcrError)) return outcome;
      if (held.length === 0 || tries === MOST_TRIES) {
        count("registrations");
        throw rateLimited("new clients of this path", seconds, outcome);
      }
      await Promise.allSettled(held);
    }
  };
}

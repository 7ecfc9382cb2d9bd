import { createBackoff } from "./backoff.ts";
import { startStopwatch, type Clock } from "./clock.ts";
import { AccreditClientError } from "./error.ts";
import { untilAborted } from "./lib/deadline.ts";
import type { TokenResponse } from "./token-request.ts";

/** An access token that is good now. */
export interface AccessToken {
  /** The token itself, for `Authorization: Bearer`: a credential, not to be logged. */
  readonly accessToken: string;
  /** The scope granted, where the server says. */
  readonly scope: string | undefined;
  /** Epoch seconds of its end, by the clock as it is set now. */
  readonly expiresAt: number;
}

interface CachedToken {
  readonly token: TokenResponse;
  /** Seconds since it was asked for. */
  readonly age: () => number;
  /** The age at which it is not given out any more, seconds. */
  readonly usableFor: number;
  /** The age at which a new one is fetched, seconds. */
  readonly renewAfter: number;
}

/** A token is given out until so long before its end, or a tenth of its life where that is less. */
const MARGIN_SECONDS = 10;
/** It is renewed somewhere between these parts of its life. */
const RENEW_FROM = 0.5;
const RENEW_TO = 0.75;

/**
 * Keeps one token and renews it in time, one attempt at a time for all callers. An old token is given out
 * as long as it is good, whatever becomes of its renewal.
 */
export function cacheTokens(
  obtain: (signal: AbortSignal) => Promise<TokenResponse>,
  { clock, random }: { readonly clock: Clock; readonly random: () => number },
): {
  getToken(signal?: AbortSignal): Promise<AccessToken>;
  close(): Promise<void>;
} {
  const closing = new AbortController();
  const backoff = createBackoff(clock, random);
  let cached: CachedToken | undefined;
  let flight: Promise<AccessToken> | undefined;

  async function renew(): Promise<AccessToken> {
    const age = startStopwatch(clock);
    try {
      const token = await obtain(closing.signal);
      closing.signal.throwIfAborted();
      const life = token.lifetimeSeconds;
      const part = RENEW_FROM + (RENEW_TO - RENEW_FROM) * random();
      cached = {
        token,
        age,
        usableFor: life - Math.min(MARGIN_SECONDS, life / 10),
        renewAfter: life * part,
      };
      backoff.succeeded();
      return present(cached);
    } catch (error) {
      backoff.failed(error);
      throw error;
    } finally {
      flight = undefined;
    }
  }

  function present({ token, age }: CachedToken): AccessToken {
    const { accessToken, scope, lifetimeSeconds } = token;
    const expiresAt = Math.floor(clock.now() + lifetimeSeconds - age());
    return { accessToken, scope, expiresAt };
  }

  return {
    async getToken(signal) {
      signal?.throwIfAborted();
      closing.signal.throwIfAborted();
      const age = cached?.age() ?? 0;
      const usable =
        cached !== undefined && age < cached.usableFor ? cached : undefined;
      if (usable !== undefined && age < usable.renewAfter)
        return present(usable);
      const refusal = flight === undefined ? backoff.refusal() : undefined;
      if (refusal === undefined) flight ??= renew();
      if (usable !== undefined) {
        // Its failure is told when there is no good token any more.
        flight?.catch(() => undefined);
        return present(usable);
      }
      if (flight === undefined) throw refusal;
      return untilAborted(flight, signal);
    },
    async close() {
      closing.abort(
        new AccreditClientError("closed", "the token source is closed"),
      );
      await flight?.catch(() => undefined);
      cached = undefined;
    },
  };
}

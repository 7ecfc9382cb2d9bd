import type { Authenticate } from "./authentication.ts";
import { startStopwatch, type Clock } from "./clock.ts";
import { discover } from "./discover.ts";
import { AccreditClientError } from "./error.ts";
import type { RequestSettings } from "./lib/exchange.ts";
import type { AuthorizationServerMetadata } from "./metadata.ts";
import { registerBySvid, type Registration } from "./register.ts";
import type { JwtSvidSource } from "./svid-source.ts";
import { requestToken, type TokenResponse } from "./token-request.ts";

/** What tokens are asked for, of whom, and how. */
export interface ObtainTokenOptions {
  readonly issuer: string;
  readonly svids: JwtSvidSource;
  readonly authenticate: Authenticate;
  /** The one identity to use; the default one where undefined, also after it changes. */
  readonly spiffeId: string | undefined;
  readonly clientMetadata: Readonly<Record<string, unknown>>;
  /** Parameters of the token request beside the client's authentication. */
  readonly parameters: readonly (readonly [string, string])[];
  readonly clock: Clock;
  readonly settings: Omit<RequestSettings, "signal">;
}

/** After a registration that did not help, another is not tried for so long, in seconds. */
const REGISTRATION_PAUSE_SECONDS = 300;

/** Metadata older than this is fetched again after any failure, in seconds. */
const METADATA_SECONDS = 600;

/**
 * Makes the function that gets a token, whatever it takes: it finds the server and registers the client on
 * first need, and registers it again, once, when the server no longer knows it. Not for concurrent calls.
 */
export function createTokenObtainer(
  options: ObtainTokenOptions,
): (signal: AbortSignal) => Promise<TokenResponse> {
  const { issuer, svids, authenticate, spiffeId, clock, settings } = options;
  let discovered: DiscoveredServer | undefined;
  let registered: Registration | undefined;
  let noRegistrationBefore = -Infinity;

  async function attempt(
    server: AuthorizationServerMetadata,
    signal: AbortSignal,
  ): Promise<TokenResponse> {
    let registrations = 0;
    const registerAs = async (
      wanted: string | undefined,
    ): Promise<Registration> => {
      registrations += 1;
      registered = await registerBySvid({
        ...settings,
        signal,
        server,
        svidSource: svids,
        spiffeId: wanted,
        metadata: options.clientMetadata,
      });
      return registered;
    };
    for (;;) {
      let own = registered ?? (await registerAs(spiffeId));
      const proof = await authenticate(server, {
        spiffeId,
        rather: own.spiffeId,
        signal,
      });
      // The workload has become another one: so has its client.
      if (proof.spiffeId !== own.spiffeId)
        own = await registerAs(proof.spiffeId);
      try {
        const token = await requestToken(
          proof.endpoint,
          [...proof.parameters(own.client), ...options.parameters],
          { ...settings, signal, fetch: proof.fetch ?? settings.fetch },
        );
        noRegistrationBefore = -Infinity;
        return token;
      } catch (error) {
        if (!isForgotten(error)) throw error;
        const now = clock.steady();
        if (registrations > 0)
          noRegistrationBefore = now + REGISTRATION_PAUSE_SECONDS;
        if (now < noRegistrationBefore) throw error;
        // Also where it is refused: a server that knows neither client nor statement is left in peace.
        noRegistrationBefore = now + REGISTRATION_PAUSE_SECONDS;
        await registerAs(own.spiffeId).catch((cause: unknown) => {
          if (isTemporaryError(cause)) noRegistrationBefore = -Infinity;
          throw cause;
        });
      }
    }
  }

  return async (signal) => {
    try {
      if (discovered === undefined) {
        const metadata = await discover(issuer, { ...settings, signal });
        discovered = { metadata, age: startStopwatch(clock) };
      }
      return await attempt(discovered.metadata, signal);
    } catch (error) {
      // The server may have moved its endpoints. One that says "later" is more likely to be overloaded, but
      // what stands before an address that is no longer used says so, too.
      if (
        !isTemporaryError(error) ||
        (discovered?.age() ?? 0) >= METADATA_SECONDS
      )
        discovered = undefined;
      throw error;
    }
  };
}

/** What the server says of itself, and how many seconds ago it said so. */
interface DiscoveredServer {
  readonly metadata: AuthorizationServerMetadata;
  readonly age: () => number;
}

/** Whether the server says that it does not know the client. */
function isForgotten(error: unknown): boolean {
  return (
    error instanceof AccreditClientError &&
    error.code === "token_refused" &&
    error.oauthError === "invalid_client"
  );
}

function isTemporaryError(error: unknown): boolean {
  return (
    error instanceof AccreditClientError &&
    error.code === "temporarily_unavailable"
  );
}

import type { TrustSource } from "@accredit/core/trust";
import { fetchDocument } from "../fetch-document.ts";
import { KeptIssuer, type IssuerStatus } from "./kept-issuer.ts";
import { createKeySource } from "./key-source.ts";
import type { CredentialIssuerKeeperOptions } from "./options.ts";

const DEFAULT_MAX_STALE_SECONDS = 86_400;

/** The part of a trust source that knows issuers of credentials; keeps itself fresh. */
export interface CredentialIssuerKeeper extends Required<
  Pick<TrustSource, "credentialIssuer">
> {
  /**
   * Starts keeping the keys of every issuer and resolves after the first attempt at each, a few seconds at
   * most. A source that is down rejects nothing: it is not ready, and is tried again.
   */
  start(): Promise<void>;
  /** In the order of the options. */
  status(): readonly IssuerStatus[];
  /** Reads the source, from after this call on; undefined when the issuer is not configured. */
  refresh(issuer: string): Promise<IssuerStatus | undefined>;
  /** Ends every loop, connection and watch; resolves once they have. May be called again. */
  close(): Promise<void>;
}

/**
 * Makes a keeper of the keys of these issuers. Each is kept by itself: none waits for another or sees its
 * keys.
 *
 * @throws {SourceError} `url_invalid`
 * @throws {DcrError} `did_invalid`, `issuer_keys_invalid`: an issuer is none that has keys of the kind given
 * @throws {TypeError} for an issuer given twice
 */
export function createCredentialIssuerKeeper(
  options: CredentialIssuerKeeperOptions,
): CredentialIssuerKeeper {
  const { clock, log, random = Math.random, fetch = fetchDocument } = options;
  const kept = new Map<string, KeptIssuer>();
  for (const each of options.issuers) {
    const { keySource, required, maxStaleSeconds, ...trust } = each;
    if (kept.has(trust.issuer))
      throw new TypeError("expected each issuer once, got one of them twice");
    kept.set(
      trust.issuer,
      new KeptIssuer({
        trust,
        required: required ?? true,
        maxStaleSeconds: maxStaleSeconds ?? DEFAULT_MAX_STALE_SECONDS,
        source: createKeySource(trust.issuer, keySource, {
          clock,
          random,
          fetch,
        }),
        clock,
        log,
      }),
    );
  }
  const issuers = [...kept.values()];
  return {
    credentialIssuer: (issuer) => kept.get(issuer)?.trust(),
    status: () => issuers.map((issuer) => issuer.status()),
    async start() {
      await Promise.all(issuers.map((issuer) => issuer.start()));
    },
    async refresh(issuer) {
      const found = kept.get(issuer);
      await found?.refresh();
      return found?.status();
    },
    async close() {
      await Promise.all(issuers.map((issuer) => issuer.close()));
    },
  };
}

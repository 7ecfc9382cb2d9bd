import {
  parseSpiffeId,
  parseTrustDomainName,
  type SpiffeBundle,
  type TrustDomainName,
} from "@accredit/core/spiffe";
import type { TrustSource } from "@accredit/core/trust";
import type { BundleSource } from "./bundle-source.ts";
import { fetchDocument } from "./fetch-document.ts";
import { createFileSource } from "./file-source.ts";
import { createHttpsSpiffeSource } from "./https-spiffe-source.ts";
import { createHttpsWebSource } from "./https-web-source.ts";
import { KeptDomain, type TrustStatus } from "./kept-domain.ts";
import { bundleCache } from "./lib/bundle-cache.ts";
import {
  createWorkloadApiSource,
  openWorkloadApiBundles,
  type WorkloadApiBundles,
} from "./workload-api-source.ts";
import type { TrustDomainOptions, TrustKeeperOptions } from "./options.ts";

const DEFAULT_MAX_STALE_SECONDS = 86_400;

/** A {@link TrustSource} that keeps itself fresh. */
export interface TrustKeeper extends TrustSource {
  /**
   * Starts keeping every bundle and resolves after the first attempt at each, a few seconds at most. A
   * source that is down rejects nothing: it is not ready, and is tried again.
   */
  start(): Promise<void>;
  /** In the order of the options. */
  status(): readonly TrustStatus[];
  /** Reads the source now, or joins a read under way; undefined when the trust domain is not configured. */
  refresh(trustDomain: TrustDomainName): Promise<TrustStatus | undefined>;
  /** Ends every loop, connection and watch; resolves once they have. May be called again. */
  close(): Promise<void>;
}

/**
 * Makes a keeper of the bundles of these trust domains. Each is kept by itself: none waits for another or
 * sees its keys.
 *
 * @throws {DcrError} `spiffe_id_invalid` for a trust domain name that is none
 * @throws {SourceError} `url_invalid`
 * @throws {TypeError} for a trust domain given twice
 */
export function createTrustKeeper(options: TrustKeeperOptions): TrustKeeper {
  const kept = new Map<TrustDomainName, KeptDomain>();
  const streams = new Map<string, WorkloadApiBundles>();
  const world: SourceWorld = {
    heldBundle: (trustDomain) => kept.get(trustDomain)?.heldBundle(),
    bundlesAt(address) {
      const open =
        streams.get(address) ?? openWorkloadApiBundles(address, options.clock);
      streams.set(address, open);
      return open;
    },
  };
  for (const domain of options.domains) {
    const trustDomain = parseTrustDomainName(domain.trustDomain);
    if (kept.has(trustDomain)) {
      throw new TypeError(
        `expected each trust domain once, got ${trustDomain} twice`,
      );
    }
    const source = createSource(trustDomain, domain, options, world);
    kept.set(
      trustDomain,
      new KeptDomain({
        trustDomain,
        issuer: domain.issuer,
        keyId: domain.keyId,
        required: domain.required ?? true,
        maxStaleSeconds: domain.maxStaleSeconds ?? DEFAULT_MAX_STALE_SECONDS,
        source,
        cache:
          options.cacheDirectory === undefined || domain.bundle.kind === "file"
            ? undefined
            : bundleCache(
                options.cacheDirectory,
                trustDomain,
                source.description,
              ),
        clock: options.clock,
        log: options.log,
      }),
    );
  }
  const domains = [...kept.values()];
  return {
    spiffe: (trustDomain) => kept.get(trustDomain)?.trust(),
    status: () => domains.map((domain) => domain.status()),
    async start() {
      await Promise.all(domains.map((domain) => domain.start()));
    },
    async refresh(trustDomain) {
      const domain = kept.get(trustDomain);
      await domain?.refresh();
      return domain?.status();
    },
    async close() {
      for (const stream of streams.values()) stream.close();
      await Promise.all(domains.map((domain) => domain.close()));
    },
  };
}

/** What sources share: each other's bundles where one is verified by another, and streams. */
interface SourceWorld {
  heldBundle(trustDomain: TrustDomainName): SpiffeBundle | undefined;
  /** One pair of streams for each address, whoever is kept from there. */
  bundlesAt(address: string): WorkloadApiBundles;
}

function createSource(
  trustDomain: TrustDomainName,
  { bundle }: TrustDomainOptions,
  { clock, random = Math.random, fetch = fetchDocument }: TrustKeeperOptions,
  world: SourceWorld,
): BundleSource {
  const web = { clock, random, fetch };
  if (bundle.kind === "file") return createFileSource(bundle, clock);
  if (bundle.kind === "https_web") return createHttpsWebSource(bundle, web);
  if (bundle.kind === "workload_api") {
    const { address } = bundle;
    const streams = world.bundlesAt(address);
    return createWorkloadApiSource(trustDomain, address, streams, clock);
  }
  const endpoint = parseSpiffeId(bundle.endpointSpiffeId);
  return createHttpsSpiffeSource(bundle, {
    ...web,
    endpoint,
    heldBundle: () => world.heldBundle(endpoint.trustDomain),
  });
}

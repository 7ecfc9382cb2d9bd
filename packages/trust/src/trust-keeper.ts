import {
  parseSpiffeId,
  parseTrustDomainName,
  type TrustDomainName,
} from "@accredit/core/spiffe";
import type { TrustSource } from "@accredit/core/trust";
import type { BundleSource } from "./bundle-source.ts";
import { fetchDocument } from "./fetch-document.ts";
import { createFileSource } from "./file-source.ts";
import { createHttpsSpiffeSource } from "./https-spiffe-source.ts";
import { createHttpsWebSource } from "./https-web-source.ts";
import { KeptDomain, type TrustStatus } from "./kept-domain.ts";
import {
  bundleCache,
  removeOtherBundles,
  type BundleCache,
} from "./lib/bundle-cache.ts";
import {
  createWorkloadApiSource,
  openWorkloadApiBundles,
  type WorkloadApiBundles,
} from "./workload-api-source.ts";
import type { TrustDomainOptions, TrustKeeperOptions } from "./options.ts";
import { SourceError } from "./source-error.ts";

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
  /** Reads the source, from after this call on; undefined when the trust domain is not configured. */
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
  const { takesWit = false } = options;
  const kept = new Map<TrustDomainName, KeptDomain>();
  const streams = new Map<string, WorkloadApiBundles>();
  const world: SourceWorld = {
    bundleOf: (trustDomain) => kept.get(trustDomain),
    bundlesAt(address) {
      const open =
        streams.get(address) ??
        openWorkloadApiBundles(address, options.clock, takesWit);
      streams.set(address, open);
      return open;
    },
  };
  const caches: BundleCache[] = [];
  for (const domain of options.domains) {
    const trustDomain = parseTrustDomainName(domain.trustDomain);
    if (kept.has(trustDomain)) {
      throw new TypeError(
        `expected each trust domain once, got ${trustDomain} twice`,
      );
    }
    const source = createSource(trustDomain, domain, options, world);
    const cache = createCache(trustDomain, domain, options);
    if (cache !== undefined) caches.push(cache);
    kept.set(
      trustDomain,
      new KeptDomain({
        trustDomain,
        issuer: domain.issuer,
        keyId: domain.keyId,
        required: domain.required ?? true,
        maxStaleSeconds: domain.maxStaleSeconds ?? DEFAULT_MAX_STALE_SECONDS,
        takesWit,
        source,
        cache,
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
      const { cacheDirectory } = options;
      if (cacheDirectory !== undefined) {
        const names = new Set(caches.map(({ name }) => name));
        // Behind the start: nothing waits for it, and it never rejects.
        void removeOtherBundles(cacheDirectory, names);
      }
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
  bundleOf(trustDomain: TrustDomainName): KeptDomain | undefined;
  /** One pair of streams for each address, whoever is kept from there. */
  bundlesAt(address: string): WorkloadApiBundles;
}

function createSource(
  trustDomain: TrustDomainName,
  { bundle, maxStaleSeconds = DEFAULT_MAX_STALE_SECONDS }: TrustDomainOptions,
  { clock, random = Math.random, fetch = fetchDocument }: TrustKeeperOptions,
  world: SourceWorld,
): BundleSource {
  const web = { clock, random, fetch };
  if (bundle.kind === "file") return createFileSource(bundle, clock);
  if (bundle.kind === "https_web") return createHttpsWebSource(bundle, web);
  if (bundle.kind === "workload_api") {
    return createWorkloadApiSource(trustDomain, {
      address: bundle.address,
      bundles: world.bundlesAt(bundle.address),
      maxStaleSeconds,
      clock,
    });
  }
  const endpoint = parseSpiffeId(bundle.endpointSpiffeId);
  return createHttpsSpiffeSource(bundle, {
    ...web,
    endpoint,
    heldBundle() {
      const of = world.bundleOf(endpoint.trustDomain);
      const held = of?.heldBundle();
      // Its own goes on as the standard has it, however old: only from there can it become younger.
      if (endpoint.trustDomain === trustDomain || held === undefined)
        return held;
      const usable = of?.trust().bundle;
      if (usable !== undefined) return usable;
      throw new SourceError(
        "endpoint_not_trusted",
        `expected a bundle of ${endpoint.trustDomain} that is not too old to verify the endpoint with, got an older one`,
      );
    },
  });
}

function createCache(
  trustDomain: TrustDomainName,
  { bundle }: TrustDomainOptions,
  { cacheDirectory }: TrustKeeperOptions,
): BundleCache | undefined {
  const source = sourceIdentity(bundle);
  if (cacheDirectory === undefined || source === undefined) return undefined;
  return bundleCache(cacheDirectory, trustDomain, source);
}

/** Whose word a bundle is; undefined for a local file, which needs no copy. */
function sourceIdentity(
  bundle: TrustDomainOptions["bundle"],
): string | undefined {
  const { kind } = bundle;
  if (kind === "file") return undefined;
  if (kind === "https_web") return JSON.stringify([kind, bundle.url]);
  if (kind === "workload_api") return JSON.stringify([kind, bundle.address]);
  // With another bootstrap file the operator begins anew.
  const { url, endpointSpiffeId, bootstrapFile } = bundle;
  return JSON.stringify([kind, url, endpointSpiffeId, bootstrapFile ?? ""]);
}

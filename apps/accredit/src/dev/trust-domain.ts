import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseTrustDomainName } from "@accredit/core/spiffe";
import type { Clock } from "@accredit/core/ports";
import type { BundleEndpoint, BundleListen } from "./bundle-endpoint.ts";
import { renderBundle, startBundleEndpoint } from "./bundle-endpoint.ts";
import { openCertificateAuthority } from "./certificate-authority.ts";
import type { DevWorkload } from "./jwt-svids.ts";
import { createJwtSvidIssuer } from "./jwt-svids.ts";
import { openDevKeys } from "./keys.ts";
import { ensurePrivateDirectory } from "./private-files.ts";
import { startWorkloadApiServer } from "./workload-api-server.ts";

/** What a development trust domain is made of. */
export interface DevTrustDomainOptions {
  /** `example.org` by default. */
  readonly trustDomain?: string;
  /** Where keys and the TLS authority are kept; made private (0700). A restart goes on with them. */
  readonly dir: string;
  /** The Workload API's Unix socket; its owner alone may open it. */
  readonly socketPath: string;
  readonly bundleListen: BundleListen;
  /** The first one is the default identity. */
  readonly workloads: readonly DevWorkload[];
  /** Whether any ID of the trust domain gets an SVID, without metadata. Off by default. */
  readonly allowAny?: boolean;
  /** The `iss` of JWT-SVIDs: `spiffe://<trust domain>` by default, none where null. */
  readonly issuer?: string | null | undefined;
  /** 300 by default. */
  readonly svidTtlSeconds?: number;
  /** What the bundle gives as `spiffe_refresh_hint`; 300 by default. */
  readonly refreshHintSeconds?: number;
  /** The time that SVIDs carry; the machine's by default. */
  readonly clock?: Clock;
}

/** A running development trust domain. */
export interface DevTrustDomain {
  readonly trustDomain: string;
  /** For `SPIFFE_ENDPOINT_SOCKET`. */
  readonly workloadApiAddress: string;
  readonly bundleUrl: string;
  /** The PEM file that makes a TLS client trust the bundle endpoint. */
  readonly caFile: string;
  readonly caPem: string;
  activeKeyId(): string;
  /** The `kid` of every published key, oldest first. */
  keyIds(): readonly string[];
  /** The SPIFFE bundle as the endpoint serves it now. */
  bundle(): string;
  /** Publishes a new key that signs nothing yet; gives its `kid`. */
  prepareKey(): Promise<string>;
  /** Signs with a published key from now on. */
  activateKey(keyId: string): Promise<void>;
  /**
   * Publishes a new key, then signs with it at once; gives its `kid`. Verifiers that cached the bundle
   * do not know it yet: prepare, wait for the refresh hint, then activate to spare them that.
   */
  rotate(): Promise<string>;
  /** Takes a key out of the bundle, never the active one. What it signed is no longer trusted. */
  removeKey(keyId: string): Promise<void>;
  /** Stops both endpoints and removes the socket. */
  close(): Promise<void>;
}

/**
 * Starts a trust domain for development: an own Workload API and an own bundle endpoint that stand in
 * for SPIRE. Whoever may open the socket gets every identity, so it is no place for anything of value.
 */
export async function startDevTrustDomain(
  options: DevTrustDomainOptions,
): Promise<DevTrustDomain> {
  const trustDomain = parseTrustDomainName(
    options.trustDomain ?? "example.org",
  );
  await ensurePrivateDirectory(options.dir);
  const keys = await openDevKeys(join(options.dir, "keys.json"), trustDomain);
  const authority = await openCertificateAuthority(options.dir);
  const issuer = createJwtSvidIssuer({
    trustDomain,
    issuer:
      options.issuer === undefined ? `spiffe://${trustDomain}` : options.issuer,
    ttlSeconds: options.svidTtlSeconds ?? 300,
    workloads: options.workloads,
    allowAny: options.allowAny ?? false,
    keys,
    clock: options.clock ?? {
      now: () => Math.floor(Date.now() / 1000),
    },
  });
  const bundle = (): string =>
    renderBundle(keys, options.refreshHintSeconds ?? 300);

  const workloadApi = await startWorkloadApiServer({
    socketPath: options.socketPath,
    trustDomain,
    keys,
    issuer,
  });
  let endpoint: BundleEndpoint;
  try {
    endpoint = await startBundleEndpoint(
      options.bundleListen,
      authority,
      bundle,
    );
  } catch (error) {
    await workloadApi.close();
    throw error;
  }

  let closing: Promise<unknown> | undefined;
  return {
    trustDomain,
    workloadApiAddress: `unix://${pathToFileURL(options.socketPath).pathname}`,
    bundleUrl: endpoint.url,
    caFile: authority.certificateFile,
    caPem: authority.certificatePem,
    activeKeyId: () => keys.activeKeyId(),
    keyIds: () => keys.publicKeys().map(({ kid }) => kid ?? ""),
    bundle,
    prepareKey: () => keys.prepare(),
    activateKey: (keyId) => keys.activate(keyId),
    async rotate() {
      const keyId = await keys.prepare();
      await keys.activate(keyId);
      return keyId;
    },
    removeKey: (keyId) => keys.remove(keyId),
    async close() {
      closing ??= Promise.all([workloadApi.close(), endpoint.close()]);
      await closing;
    },
  };
}

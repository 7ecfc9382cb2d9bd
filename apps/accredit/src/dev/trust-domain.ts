import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseTrustDomainName } from "@accredit/core/spiffe";
import type { Clock } from "@accredit/core/ports";
import {
  startBundleEndpoint,
  startSpiffeBundleEndpoint,
  type BundleListen,
  type SpiffeBundleEndpoint,
} from "./bundle-endpoint.ts";
import { renderBundle } from "./bundle.ts";
import { openCertificateAuthority } from "./certificate-authority.ts";
import { openDevAuthorities, type DevAuthorities } from "./authorities.ts";
import { systemSleep, type Sleep } from "./follow.ts";
import { createJwtSvidIssuer } from "./jwt-svids.ts";
import { ensurePrivateDirectory, replaceFile } from "./private-files.ts";
import { createWitSvidIssuer } from "./wit-svids.ts";
import { workloadApiCalls } from "./workload-api-calls.ts";
import { startWorkloadApiServer } from "./workload-api-server.ts";
import {
  createWorkloads,
  ENDPOINT_PATH,
  type DevWorkload,
} from "./workloads.ts";
import { createX509SvidIssuer } from "./x509-svids.ts";

/** What a development trust domain is made of. */
export interface DevTrustDomainOptions {
  /** `example.org` by default. */
  readonly trustDomain?: string;
  /** Where keys, the bundle and the TLS authority are kept; made private (0700). A restart goes on with them. */
  readonly dir: string;
  /** The Workload API's Unix socket; its owner alone may open it. */
  readonly socketPath: string;
  /** The bundle endpoint of profile `https_web`. */
  readonly bundleListen: BundleListen;
  /** That of profile `https_spiffe`; a free port of the same host where absent. */
  readonly spiffeBundleListen?: BundleListen | undefined;
  /** The first one is the default identity. */
  readonly workloads: readonly DevWorkload[];
  /** Whether any ID of the trust domain gets an SVID, without metadata. Off by default. */
  readonly allowAny?: boolean;
  /** The `iss` of JWT-SVIDs: `spiffe://<trust domain>` by default, none where null. */
  readonly issuer?: string | null | undefined;
  /** How long JWT-SVIDs live; 300 by default. */
  readonly svidTtlSeconds?: number;
  /** How long X.509-SVIDs and WIT-SVIDs live; 3600 by default. */
  readonly keptSvidTtlSeconds?: number;
  /** What the bundle gives as `spiffe_refresh_hint`; 300 by default. */
  readonly refreshHintSeconds?: number;
  /** The time that SVIDs carry; the machine's by default. */
  readonly clock?: Clock;
  /** The machine's timers by default. */
  readonly sleep?: Sleep;
}

/** A running development trust domain. */
export interface DevTrustDomain {
  readonly trustDomain: string;
  /** For `SPIFFE_ENDPOINT_SOCKET`. */
  readonly workloadApiAddress: string;
  /** The bundle endpoint of profile `https_web`. */
  readonly bundleUrl: string;
  /** The PEM file that makes a TLS client trust it. */
  readonly caFile: string;
  readonly caPem: string;
  /** The bundle endpoint of profile `https_spiffe`. */
  readonly spiffeBundleUrl: string;
  /** Whose X509-SVID that one serves with. */
  readonly endpointSpiffeId: string;
  /** The bundle in a file, to begin with; replaced with every change. */
  readonly bundleFile: string;
  readonly workloads: readonly DevWorkload[];
  /** What signs and what is published; changes of it show everywhere at once. */
  readonly authorities: DevAuthorities;
  /** The SPIFFE bundle as the endpoints serve it now. */
  bundle(): string;
  /** Stops the endpoints and removes the socket. */
  close(): Promise<void>;
}

/**
 * Starts a trust domain for development: an own Workload API and own bundle endpoints that stand in
 * for SPIRE. Whoever may open the socket gets every identity, so it is no place for anything of value.
 */
export async function startDevTrustDomain(
  options: DevTrustDomainOptions,
): Promise<DevTrustDomain> {
  const trustDomain = parseTrustDomainName(
    options.trustDomain ?? "example.org",
  );
  const clock = options.clock ?? { now: () => Math.floor(Date.now() / 1000) };
  const workloads = createWorkloads({
    trustDomain,
    workloads: options.workloads,
    allowAny: options.allowAny ?? false,
  });
  const render = (from: DevAuthorities): string =>
    renderBundle(from, options.refreshHintSeconds ?? 300);

  await ensurePrivateDirectory(options.dir);
  const bundleFile = join(options.dir, "bundle.json");
  let spiffe: SpiffeBundleEndpoint | undefined;
  const authorities = await openDevAuthorities({
    file: join(options.dir, "keys.json"),
    trustDomain,
    clock,
    async onPublished(published) {
      await replaceFile(bundleFile, render(published));
      await spiffe?.refresh();
    },
  });
  const bundle = (): string => render(authorities);
  const ca = await openCertificateAuthority(options.dir);

  const of = { authorities, clock, workloads };
  const ttlSeconds = options.keptSvidTtlSeconds ?? 3600;
  const x509 = createX509SvidIssuer({ ...of, ttlSeconds });
  const wit = createWitSvidIssuer({ ...of, ttlSeconds });
  const jwt = createJwtSvidIssuer({
    ...of,
    ttlSeconds: options.svidTtlSeconds ?? 300,
    issuer:
      options.issuer === undefined ? `spiffe://${trustDomain}` : options.issuer,
  });
  const following = { ...of, sleep: options.sleep ?? systemSleep };

  const running: { close(): Promise<void> }[] = [];
  const started = <T extends { close(): Promise<void> }>(one: T): T => {
    running.push(one);
    return one;
  };
  const close = async (): Promise<void> => {
    await Promise.all(running.map((one) => one.close()));
  };
  const endpointSpiffeId = `spiffe://${trustDomain}${ENDPOINT_PATH}`;
  try {
    started(
      await startWorkloadApiServer(
        options.socketPath,
        workloadApiCalls({ jwt, x509, wit }, following),
      ),
    );
    const web = started(
      await startBundleEndpoint(options.bundleListen, ca, bundle),
    );
    spiffe = started(
      await startSpiffeBundleEndpoint(
        options.spiffeBundleListen ?? { ...options.bundleListen, port: 0 },
        endpointSpiffeId,
        x509,
        following,
        bundle,
      ),
    );
    let closing: Promise<void> | undefined;
    return {
      trustDomain,
      workloadApiAddress: `unix://${pathToFileURL(options.socketPath).pathname}`,
      bundleUrl: web.url,
      caFile: ca.certificateFile,
      caPem: ca.certificatePem,
      spiffeBundleUrl: spiffe.url,
      endpointSpiffeId,
      bundleFile,
      workloads: workloads.listed,
      authorities,
      bundle,
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

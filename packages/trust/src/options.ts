import type { IssuerRule } from "@accredit/core/trust";
import type { FetchDocument } from "./fetch-document.ts";

/** A bundle in a local file; the file is the truth, so its bundle does not age. */
export interface FileBundleOptions {
  readonly kind: "file";
  readonly path: string;
}

/** A bundle endpoint with a Web PKI certificate. See SPIFFE Federation section 5.2.1. */
export interface HttpsWebBundleOptions {
  readonly kind: "https_web";
  readonly url: string;
  /** A PEM file of certificates to trust beside the system's; read anew at each poll. */
  readonly caFile?: string | undefined;
  /** Whether the endpoint may be at a private or special-use address. Default: false. */
  readonly allowPrivateAddresses?: boolean | undefined;
  /** The shortest time between polls, in seconds. Default: 60. */
  readonly refreshFloorSeconds?: number | undefined;
  /** The longest time between polls, in seconds. Default: 300. */
  readonly refreshCeilingSeconds?: number | undefined;
}

/** A bundle endpoint with an X509-SVID. See SPIFFE Federation section 5.2.2. */
export interface HttpsSpiffeBundleOptions {
  readonly kind: "https_spiffe";
  readonly url: string;
  /** The SPIFFE ID that the endpoint's certificate has to name. */
  readonly endpointSpiffeId: string;
  /** A bundle of the endpoint's trust domain to begin with; needed unless that trust domain is kept too. */
  readonly bootstrapFile?: string | undefined;
  /** Whether the endpoint may be at a private or special-use address. Default: false. */
  readonly allowPrivateAddresses?: boolean | undefined;
  /** The shortest time between polls, in seconds. Default: 60. */
  readonly refreshFloorSeconds?: number | undefined;
  /** The longest time between polls, in seconds. Default: 300. */
  readonly refreshCeilingSeconds?: number | undefined;
}

/** The bundle streams of a SPIFFE Workload API. */
export interface WorkloadApiBundleOptions {
  readonly kind: "workload_api";
  /** `unix:///absolute/path` or `tcp://<IP>:<port>`. */
  readonly address: string;
}

/** One trust domain to keep the bundle of. */
export interface TrustDomainOptions {
  readonly trustDomain: string;
  readonly issuer: IssuerRule;
  readonly keyId: "optional" | "required";
  /** Whether the server is not ready without it. Default: true. */
  readonly required?: boolean | undefined;
  /** How long a bundle is used after the last successful read, in seconds. Default: 86400. */
  readonly maxStaleSeconds?: number | undefined;
  readonly bundle:
    | FileBundleOptions
    | HttpsWebBundleOptions
    | HttpsSpiffeBundleOptions
    | WorkloadApiBundleOptions;
}

/** The time, and waiting for it to pass. */
export interface KeeperClock {
  /** Epoch seconds. */
  now(): number;
  /** Rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Where the keeper tells of changes and failures: structured, one event per call. */
export interface KeeperLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What a trust keeper is made of. */
export interface TrustKeeperOptions {
  readonly domains: readonly TrustDomainOptions[];
  readonly clock: KeeperClock;
  readonly log: KeeperLog;
  /** Whether WIT keys are of any use here; where not, no Workload API is asked for them. Default: false. */
  readonly takesWit?: boolean | undefined;
  /** From 0 to below 1; spreads retries. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Where bundles that were read outlive the process; undefined: nowhere. Not those of local files. */
  readonly cacheDirectory?: string | undefined;
  /** Default: `fetchDocument`. */
  readonly fetch?: FetchDocument | undefined;
}

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

/** One trust domain to keep the bundle of. */
export interface TrustDomainOptions {
  readonly trustDomain: string;
  readonly issuer: IssuerRule;
  readonly keyId: "optional" | "required";
  /** Whether the server is not ready without it. Default: true. */
  readonly required?: boolean | undefined;
  /** How long a bundle is used after the last successful read, in seconds. Default: 86400. */
  readonly maxStaleSeconds?: number | undefined;
  readonly bundle: FileBundleOptions | HttpsWebBundleOptions;
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
  /** From 0 to below 1; spreads retries. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Default: `fetchDocument`. */
  readonly fetch?: FetchDocument | undefined;
}

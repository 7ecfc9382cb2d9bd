import type { PolicyRule } from "@accredit/core/registration";
import type { CertificateHop, LimitSettings } from "@accredit/server";
import type {
  CredentialIssuerOptions,
  StatusListKeeperOptions,
  TrustDomainOptions,
} from "@accredit/trust";

/** The levels of the log. */
export type LogLevel =
  "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** Where in the file something is, like `trust[1]`; for messages. */
interface Located {
  readonly configPath: string;
}

/** A whole configuration: checked, defaults filled in, file paths absolute, deeply frozen. */
export interface Config {
  /** Exactly as written. */
  readonly issuer: string;
  readonly listen: {
    readonly host: string;
    readonly port: number;
    readonly tls?: {
      readonly certFile: string;
      readonly keyFile: string;
      /** Whether TLS clients are asked for a certificate. */
      readonly clientCertificates: boolean;
    };
    /** Of all public listeners. */
    readonly trustedProxies: readonly string[];
  };
  readonly mutualTls: {
    /** A listener of its own, which asks for client certificates. */
    readonly listen?: {
      readonly host: string;
      readonly port: number;
      readonly tls: { readonly certFile: string; readonly keyFile: string };
    };
    /** Where endpoints ask for certificates, if not at the issuer's address. */
    readonly origin?: string;
    readonly proxies: readonly CertificateHop[];
  };
  readonly admin: {
    readonly host: string;
    readonly port: number;
    readonly tokenFile?: string;
  };
  readonly store:
    | { readonly kind: "sqlite"; readonly path: string }
    | {
        readonly kind: "postgres";
        /** Without a password. */
        readonly url: string;
        readonly passwordFile: string | undefined;
        /** That read. */
        readonly maxConnections: number;
      };
  readonly registration: {
    /** Accepted beside the registration endpoint's URL. */
    readonly audiences: readonly string[];
    readonly clientId: "spiffe_id" | "opaque";
    readonly maxAgeSeconds: number;
    readonly maxLifetimeSeconds: number;
    readonly clockToleranceSeconds: number;
    /** How long an ended registration is kept. */
    readonly keepEndedSeconds: number;
  };
  /** Whether WIT-SVIDs are taken. */
  readonly takesWit: boolean;
  readonly tokens: {
    readonly accessTokenTtlSeconds: number;
    readonly defaultResource: string | undefined;
  };
  readonly limits: LimitSettings & { readonly maxEventLoopDelayMs: number };
  readonly trust: readonly (TrustDomainOptions & Located)[];
  /** Where bundles outlive the process; undefined: nowhere. */
  readonly trustCacheDirectory: string | undefined;
  readonly credentialIssuers: readonly (CredentialIssuerOptions & Located)[];
  readonly statusLists: Pick<
    StatusListKeeperOptions,
    | "maxStaleSeconds"
    | "floorSeconds"
    | "ceilingSeconds"
    | "allowStatusList2021"
    | "allowPrivateAddresses"
  > & { readonly caFile?: string };
  /** By trust domain or issuer. */
  readonly maxClientsOfTrust: ReadonlyMap<string, number>;
  readonly policy: readonly PolicyRule[];
  readonly log: { readonly level: LogLevel };
  readonly shutdownTimeoutSeconds: number;
  /** What the operator should know and that stops nothing; one sentence each. */
  readonly notices: readonly string[];
}

import type { RequestListener } from "node:http";
import { randomBytes } from "node:crypto";
import { v4 as uuidv4, v7 as uuidv7 } from "uuid";
import { makeSteadyClock } from "@accredit/core";
import type { Clock, Store } from "@accredit/core/ports";
import type {
  ClientAuthMethod,
  Policy,
  RegistrationSettings,
} from "@accredit/core/registration";
import { createX509PathCache } from "@accredit/core/spiffe";
import type { TrustSource } from "@accredit/core/trust";
import type { CredentialStatuses } from "@accredit/core/vc";
import { createAdminListener, type AdminOptions } from "./admin/admin-app.ts";
import { createMetrics, type TrustSourceHealth } from "./admin/metrics.ts";
import { issuedTokenReader } from "./authorization-server/issued-tokens.ts";
import { loadSigningKeys } from "./authorization-server/signing-keys.ts";
import { createTokenEndpoint } from "./authorization-server/token-endpoint.ts";
import { SUPPORTED_GRANT_TYPES } from "./authorization-server/token-request.ts";
import type { AuthenticationPorts } from "./client-authentication/authenticate.ts";
import { leaseRenewer } from "./client-authentication/renew-lease.ts";
import { endpointsOf } from "./endpoints.ts";
import {
  clientCertificateReader,
  type ClientCertificateOptions,
} from "./http/client-certificate.ts";
import { clientAddressReader } from "./http/client-address.ts";
import { createLimits, type LimitSettings } from "./limits/limits.ts";
import { OPEN_GATE, type LoadGate } from "./limits/load-gate.ts";
import type { Log } from "./log.ts";
import { tokenDestroyer } from "./management/destroy-token.ts";
import { createPublicListener } from "./public-listener.ts";

/** What the operator decides about the server; times in seconds. */
export interface ServerSettings {
  readonly issuer: string;
  /** Accepted registration audiences beside the registration endpoint's URL. */
  readonly audiences: readonly string[];
  readonly clientId: "spiffe_id" | "opaque";
  readonly policy: Policy;
  /** Clients that a trust domain or issuer may have; those left out may have any number. */
  readonly maxClientsOfTrust?: ReadonlyMap<string, number> | undefined;
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly maxAgeSeconds: number;
  readonly accessTokenTtlSeconds: number;
  /** The audience of a token whose request names no resource; the issuer where undefined. */
  readonly defaultResource: string | undefined;
  /** How client certificates reach the server; absent: not at all. */
  readonly mutualTls?: MutualTlsSettings | undefined;
  /** IP addresses, CIDR blocks or `loopback` of proxies that are believed who called them; absent: none. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Whether clients may come with WIT-SVIDs (experimental). */
  readonly takesWit?: boolean | undefined;
  /** How fast things may come; absent: without limits. */
  readonly limits?: LimitSettings | undefined;
}

/** How client certificates reach the server. */
export interface MutualTlsSettings extends ClientCertificateOptions {
  /** Where endpoints ask for client certificates, if not where they always are: an https origin. */
  readonly origin?: string | undefined;
}

/** The world the server runs in; it constructs none of it. */
export interface ServerPorts {
  readonly store: Store;
  readonly trust: TrustSource;
  /** Where the status of Verifiable Credentials is asked; absent where none is trusted. */
  readonly statuses?: CredentialStatuses | undefined;
  readonly trustHealth: () => readonly TrustSourceHealth[];
  /** Reads a trust source anew; undefined where none has this name. */
  readonly refreshTrust: (
    name: string,
  ) => Promise<TrustSourceHealth | undefined>;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the server is on its way down. */
  readonly draining: () => boolean;
  /** Decides which requests are sent away unread because there are too many; absent: none. */
  readonly loadGate?: LoadGate | undefined;
}

/** The two request handlers; the caller opens the sockets. */
export interface AccreditServer {
  readonly publicListener: RequestListener;
  readonly adminListener: (
    options: Pick<AdminOptions, "bearerToken" | "loopbackOnly">,
  ) => RequestListener;
}

/** Enough for the programs of one workload, and a bound on what one identity can fill the store with. */
const MAX_CLIENTS_PER_SUBJECT = 16;

/** What `register` and `explain` need to know, from the operator's settings. */
export function registrationSettings(
  settings: ServerSettings,
): RegistrationSettings {
  const { registration } = endpointsOf(settings.issuer);
  return {
    audiences: [registration, ...settings.audiences],
    // What several servers share as audience will not do: one could use at another the proof it was sent.
    attestationAudiences:
      settings.takesWit === true ? [settings.issuer] : undefined,
    policy: settings.policy,
    clientId: settings.clientId,
    maxClientsPerSubject: MAX_CLIENTS_PER_SUBJECT,
    maxClientsOfTrust: (trust) => settings.maxClientsOfTrust?.get(trust),
    registrationEndpoint: registration,
    supportedGrantTypes: SUPPORTED_GRANT_TYPES,
    supportedAuthMethods: authMethods(settings),
    supportsCertificateBoundTokens: takesCertificates(settings),
    clockToleranceSeconds: settings.clockToleranceSeconds,
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    maxAgeSeconds: settings.maxAgeSeconds,
  };
}

/** What the server can take; `private_key_jwt` only where some rule lets a client have it. */
function authMethods(settings: ServerSettings): readonly ClientAuthMethod[] {
  const isAllowed = (method: ClientAuthMethod): boolean =>
    settings.policy.some(({ allow }) =>
      allow.tokenEndpointAuthMethods.includes(method),
    );
  return [
    "spiffe_jwt",
    ...(takesCertificates(settings) ? (["spiffe_x509"] as const) : []),
    ...(settings.takesWit === true ? (["spiffe_wit"] as const) : []),
    ...(isAllowed("private_key_jwt") ? (["private_key_jwt"] as const) : []),
  ];
}

/** Whether a listener or a proxy can deliver client certificates. */
function takesCertificates({ mutualTls }: ServerSettings): boolean {
  return (
    mutualTls !== undefined && (mutualTls.listener || mutualTls.hops.length > 0)
  );
}

/**
 * Builds the server from its settings and its world.
 *
 * @throws {DcrError} `store_unavailable` when the signing keys cannot be loaded
 */
export async function createAccreditServer(
  settings: ServerSettings,
  ports: ServerPorts,
): Promise<AccreditServer> {
  const { store, trust, trustHealth, clock, log, draining } = ports;
  const endpoints = endpointsOf(settings.issuer);
  const metrics = createMetrics(trustHealth);
  const limits = createLimits(settings.limits, metrics);
  const { privateJwks, publicJwks } = await loadSigningKeys(store, clock);
  const { policy } = settings;
  const standing = {
    store,
    trust,
    statuses: ports.statuses,
    policy,
    leaseNow: makeSteadyClock(
      () => clock.now(),
      () => performance.now(),
    ),
  };
  const newAuditId = (): string => uuidv7();
  const authentication: AuthenticationPorts = {
    ...standing,
    store,
    clock,
    renewLease: leaseRenewer({ ...standing, newAuditId, log }),
    issuer: settings.issuer,
    clockToleranceSeconds: settings.clockToleranceSeconds,
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    maxAgeSeconds: settings.maxAgeSeconds,
    takesWit: settings.takesWit === true,
    certificatePaths: createX509PathCache(),
  };

  const publicListener = createPublicListener({
    endpoints,
    log,
    metrics,
    draining,
    loadGate: ports.loadGate ?? OPEN_GATE,
    turns: limits.turns,
    readClientAddress: clientAddressReader(settings.trustedProxies ?? []),
    limitRefusal: limits.limitRefusal,
    clock,
    store,
    authentication,
    destroyManagementToken: tokenDestroyer({ store, clock, newAuditId }),
    readClientCertificates: clientCertificateReader(
      settings.mutualTls ?? { listener: false, hops: [] },
    ),
    registrationSettings: registrationSettings(settings),
    registrationPorts: {
      clock,
      trust,
      statuses: ports.statuses,
      store: {
        register: limits.limitNewcomers((proposal) => store.register(proposal)),
        appendAudit: (entry) => store.appendAudit(entry),
        suspensionsOf: (who) => store.suspensionsOf(who),
        listClients: (query) => store.listClients(query),
        claimOnce: (key, end) => store.claimOnce(key, end),
      },
      limitRefusal: limits.limitRefusal,
      newClientId: () => uuidv4(),
      newManagementToken: () => randomBytes(32).toString("base64url"),
      auditFailed: (id, cause) => {
        log.error({ id, error: String(cause) }, "audit row not written");
      },
    },
    tokenEndpoint: createTokenEndpoint({
      issuer: settings.issuer,
      clock,
      privateJwks,
      accessTokenTtlSeconds: settings.accessTokenTtlSeconds,
      defaultResource: settings.defaultResource ?? settings.issuer,
      log,
    }),
    tokenStatus: {
      ...standing,
      store,
      clock,
      issuer: settings.issuer,
      readIssuedToken: issuedTokenReader(settings.issuer, publicJwks),
    },
    publicJwks,
    mutualTls: {
      certificateBoundTokens: takesCertificates(settings),
      origin: settings.mutualTls?.origin,
    },
    scopes: [...new Set(settings.policy.flatMap((rule) => rule.allow.scopes))],
  });

  return {
    publicListener,
    adminListener: (options) =>
      createAdminListener({
        ...standing,
        store,
        clock,
        endpoints,
        trustHealth,
        refreshTrust: ports.refreshTrust,
        newAuditId,
        log,
        limitRefusal: limits.limitRefusal,
        metrics,
        draining,
        ...options,
      }),
  };
}

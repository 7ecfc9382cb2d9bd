import { dirname, join, resolve } from "node:path";
import type { PolicyRule } from "@accredit/core/registration";
import {
  parseSpiffeIdPattern,
  parseSpiffeIdWildcard,
  parseTrustDomainName,
} from "@accredit/core/spiffe";
import { ANY_TYPE } from "@accredit/core/vc";
import type {
  CredentialIssuerOptions,
  TrustDomainOptions,
} from "@accredit/trust";
import { findNotices } from "./notices.ts";
import type { ConfigFile } from "./schema.ts";
import type { Config } from "./types.ts";
import { isCredentialIssuer } from "./values.ts";

/** Turns a file without problems into the configuration the program uses; relative paths start at `baseDir`. */
export function buildConfig(file: ConfigFile, baseDir: string): Config {
  const { listen, admin, registration, tokens } = file;
  const at = (path: string): string => resolve(baseDir, path);
  return deepFreeze({
    issuer: file.issuer,
    listen: {
      host: listen.host,
      port: listen.port,
      trustedProxies: listen.trusted_proxies,
      ...(listen.tls && {
        tls: {
          certFile: at(listen.tls.cert_file),
          keyFile: at(listen.tls.key_file),
          clientCertificates:
            listen.tls.client_certificates ?? wantsCertificates(file),
        },
      }),
    },
    mutualTls: buildMutualTls(file.mutual_tls, at),
    admin: {
      host: admin.host,
      port: admin.port,
      ...(admin.token_file !== undefined && {
        tokenFile: at(admin.token_file),
      }),
    },
    store: buildStore(file.store, at),
    registration: {
      audiences: registration.audiences,
      clientId: registration.client_id,
      maxAgeSeconds: registration.max_age,
      maxLifetimeSeconds: registration.max_lifetime,
      clockToleranceSeconds: registration.clock_tolerance,
      keepEndedSeconds: registration.keep_ended,
    },
    tokens: {
      accessTokenTtlSeconds: tokens.access_token_ttl,
      defaultResource: tokens.default_resource,
    },
    limits: {
      registrationsPerMinutePerPrefix:
        file.limits.registrations_per_minute_per_prefix,
      failedAttemptsPerSecondPerAddress:
        file.limits.failed_attempts_per_second_per_address,
      maxEventLoopDelayMs: file.limits.max_event_loop_delay,
    },
    trust: file.trust.flatMap((entry, index) =>
      entry.kind === "spiffe" ? [buildTrust(entry, `trust[${index}]`, at)] : [],
    ),
    trustCacheDirectory: at(
      file.trust_cache_dir ??
        join(dirname(databasePath(file.store) ?? "data/"), "bundles"),
    ),
    credentialIssuers: file.trust.flatMap((entry, index) =>
      entry.kind === "vc" ? [buildIssuer(entry, `trust[${index}]`, at)] : [],
    ),
    statusLists: {
      maxStaleSeconds: file.status_lists.grace,
      floorSeconds: file.status_lists.floor,
      ceilingSeconds: file.status_lists.ceiling,
      allowStatusList2021: file.status_lists.status_list_2021,
      allowPrivateAddresses: file.status_lists.allow_private_addresses,
      ...(file.status_lists.ca_file !== undefined && {
        caFile: at(file.status_lists.ca_file),
      }),
    },
    maxClientsOfTrust: new Map(
      file.trust.flatMap((entry) =>
        entry.max_clients === undefined
          ? []
          : [
              [
                entry.kind === "vc" ? entry.issuer : entry.trust_domain,
                entry.max_clients,
              ] as const,
            ],
      ),
    ),
    policy: file.policy.map(buildRule),
    takesWit: file.experimental.spiffe_wit,
    log: { level: file.log.level },
    shutdownTimeoutSeconds: file.shutdown_timeout,
    notices: findNotices(file),
  });
}

/** Where clients may authenticate by certificate or have tokens bound to it, and no other listener is there to ask for it. */
function wantsCertificates({ policy, mutual_tls }: ConfigFile): boolean {
  return (
    mutual_tls.tls === undefined &&
    policy.some(
      ({ allow, template }) =>
        allow.token_endpoint_auth_methods.includes("spiffe_x509") ||
        template["tls_client_certificate_bound_access_tokens"] === true,
    )
  );
}

function buildMutualTls(
  { host, port, tls, base_url, proxies }: ConfigFile["mutual_tls"],
  at: (path: string) => string,
): Config["mutualTls"] {
  return {
    ...(tls && {
      listen: {
        host,
        port,
        tls: { certFile: at(tls.cert_file), keyFile: at(tls.key_file) },
      },
    }),
    ...(base_url !== undefined && { origin: base_url }),
    proxies,
  };
}

function buildStore(
  store: ConfigFile["store"],
  at: (path: string) => string,
): Config["store"] {
  const path = databasePath(store);
  if (path !== undefined) return { kind: "sqlite", path: at(path) };
  return {
    kind: "postgres",
    url: store.url,
    passwordFile:
      store.password_file === undefined ? undefined : at(store.password_file),
    maxConnections: store.max_connections,
  };
}

/** Undefined where the database is no file. */
function databasePath({ url }: ConfigFile["store"]): string | undefined {
  const scheme = "sqlite:";
  return url.startsWith(scheme) ? url.slice(scheme.length) : undefined;
}

type Entry<Kind> = Extract<
  ConfigFile["trust"][number],
  { readonly kind: Kind }
>;

function buildTrust(
  entry: Entry<"spiffe">,
  configPath: string,
  at: (path: string) => string,
): Config["trust"][number] {
  const trustDomain = parseTrustDomainName(entry.trust_domain);
  return {
    configPath,
    trustDomain,
    issuer: {
      mode: entry.iss.mode,
      values: entry.iss.values ?? [`spiffe://${trustDomain}`, trustDomain],
    },
    keyId: entry.key_id,
    required: entry.required,
    maxStaleSeconds: entry.max_stale,
    bundle: buildBundle(entry.bundle, at),
  };
}

function buildBundle(
  bundle: Entry<"spiffe">["bundle"],
  at: (path: string) => string,
): TrustDomainOptions["bundle"] {
  const { url, workload_api: address } = bundle;
  if (address !== undefined) return { kind: "workload_api", address };
  if (url === undefined) return { kind: "file", path: at(bundle.file ?? "") };
  if (bundle.profile === "https_spiffe") {
    return {
      kind: "https_spiffe",
      url,
      endpointSpiffeId: bundle.endpoint_spiffe_id ?? "",
      ...(bundle.bootstrap_file !== undefined && {
        bootstrapFile: at(bundle.bootstrap_file),
      }),
      ...polling(bundle),
    };
  }
  return {
    kind: "https_web",
    url,
    ...(bundle.ca_file !== undefined && { caFile: at(bundle.ca_file) }),
    ...polling(bundle),
  };
}

/** How documents on the web are polled. */
function polling(
  keys: Pick<
    Entry<"spiffe">["bundle"],
    "allow_private_addresses" | "refresh_floor" | "refresh_ceiling"
  >,
) {
  return {
    allowPrivateAddresses: keys.allow_private_addresses ?? false,
    ...(keys.refresh_floor !== undefined && {
      refreshFloorSeconds: keys.refresh_floor,
    }),
    ...(keys.refresh_ceiling !== undefined && {
      refreshCeilingSeconds: keys.refresh_ceiling,
    }),
  };
}

function buildIssuer(
  entry: Entry<"vc">,
  configPath: string,
  at: (path: string) => string,
): Config["credentialIssuers"][number] {
  return {
    configPath,
    issuer: entry.issuer,
    types: entry.types ?? [ANY_TYPE],
    formats: entry.formats,
    algorithms: entry.algorithms,
    keyBinding: entry.key_binding,
    status: entry.status,
    maxLifetimeSeconds: entry.max_lifetime,
    required: entry.required,
    maxStaleSeconds: entry.max_stale,
    keySource: buildKeys(entry.keys, at),
  };
}

function buildKeys(
  keys: Entry<"vc">["keys"],
  at: (path: string) => string,
): CredentialIssuerOptions["keySource"] {
  if (keys.jwks_file !== undefined)
    return { kind: "jwks_file", path: at(keys.jwks_file) };
  if (keys.x5c_roots_file !== undefined)
    return { kind: "x5c_roots_file", path: at(keys.x5c_roots_file) };
  const web = {
    ...(keys.ca_file !== undefined && { caFile: at(keys.ca_file) }),
    ...polling(keys),
  };
  if (keys.jwks_uri !== undefined)
    return { kind: "jwks_uri", url: keys.jwks_uri, ...web };
  return { kind: keys.did === true ? "did" : "metadata", ...web };
}

/** The rule that an entry of `policy` stands for. */
export function buildRule(entry: ConfigFile["policy"][number]): PolicyRule {
  const { allow, match } = entry;
  return {
    name: entry.name,
    match: {
      trust: match.trust,
      subject: isCredentialIssuer(match.trust)
        ? { text: match.subject }
        : parseSpiffeIdPattern(match.subject),
    },
    allow: {
      grantTypes: allow.grant_types,
      scopes: allow.scopes,
      resources: allow.resources,
      redirectUris: allow.redirect_uris,
      tokenEndpointAuthMethods: allow.token_endpoint_auth_methods,
    },
    attestedOnly: entry.attested_only,
    template: entry.template,
    introspect: entry.introspect,
    ...(entry.register_as !== undefined && {
      registerAs: parseSpiffeIdWildcard(entry.register_as),
    }),
    ...(entry.max_clients !== undefined && { maxClients: entry.max_clients }),
    ...(entry.lease !== undefined && { leaseSeconds: entry.lease }),
  };
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === "object") {
    for (const item of Object.values(value)) deepFreeze(item);
    Object.freeze(value);
  }
  return value;
}

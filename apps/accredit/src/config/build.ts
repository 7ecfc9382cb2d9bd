import { resolve } from "node:path";
import type { PolicyRule } from "@accredit/core/registration";
import {
  parseSpiffeIdPattern,
  parseSpiffeIdWildcard,
  parseTrustDomainName,
} from "@accredit/core/spiffe";
import type { TrustDomainOptions } from "@accredit/trust";
import { findNotices } from "./notices.ts";
import type { ConfigFile } from "./schema.ts";
import type { Config } from "./types.ts";

/** Turns a file without problems into the configuration the program uses; relative paths start at `baseDir`. */
export function buildConfig(file: ConfigFile, baseDir: string): Config {
  const { listen, admin, registration, tokens } = file;
  const at = (path: string): string => resolve(baseDir, path);
  return deepFreeze({
    issuer: file.issuer,
    listen: {
      host: listen.host,
      port: listen.port,
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
    store: { path: at(file.store.url.slice("sqlite:".length)) },
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
    trust: file.trust.map((entry) => buildTrust(entry, at)),
    policy: file.policy.map(buildRule),
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

function buildTrust(
  entry: ConfigFile["trust"][number],
  at: (path: string) => string,
): TrustDomainOptions {
  const trustDomain = parseTrustDomainName(entry.trust_domain);
  return {
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
  bundle: ConfigFile["trust"][number]["bundle"],
  at: (path: string) => string,
): TrustDomainOptions["bundle"] {
  if (bundle.url === undefined)
    return { kind: "file", path: at(bundle.file ?? "") };
  return {
    kind: "https_web",
    url: bundle.url,
    allowPrivateAddresses: bundle.allow_private_addresses ?? false,
    ...(bundle.ca_file !== undefined && { caFile: at(bundle.ca_file) }),
    ...(bundle.refresh_floor !== undefined && {
      refreshFloorSeconds: bundle.refresh_floor,
    }),
    ...(bundle.refresh_ceiling !== undefined && {
      refreshCeilingSeconds: bundle.refresh_ceiling,
    }),
  };
}

/** The rule that an entry of `policy` stands for. */
export function buildRule(entry: ConfigFile["policy"][number]): PolicyRule {
  const { allow, match } = entry;
  return {
    name: entry.name,
    match: { trust: match.trust, subject: parseSpiffeIdPattern(match.subject) },
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

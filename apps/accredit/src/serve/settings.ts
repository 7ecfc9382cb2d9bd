import type { ServerSettings } from "@accredit/server";
import type { Config } from "../config/index.ts";

/** The part of the configuration that the server package knows. */
export function serverSettings(config: Config): ServerSettings {
  return {
    issuer: config.issuer,
    audiences: config.registration.audiences,
    clientId: config.registration.clientId,
    policy: config.policy,
    maxClientsOfTrust: config.maxClientsOfTrust,
    clockToleranceSeconds: config.registration.clockToleranceSeconds,
    maxLifetimeSeconds: config.registration.maxLifetimeSeconds,
    maxAgeSeconds: config.registration.maxAgeSeconds,
    accessTokenTtlSeconds: config.tokens.accessTokenTtlSeconds,
    defaultResource: config.tokens.defaultResource,
    takesWit: config.takesWit,
    limits: config.limits,
    trustedProxies: config.listen.trustedProxies,
    mutualTls: {
      listener:
        config.mutualTls.listen !== undefined ||
        config.listen.tls?.clientCertificates === true,
      hops: config.mutualTls.proxies,
      origin: config.mutualTls.origin,
    },
  };
}

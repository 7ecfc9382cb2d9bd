import { z } from "zod";
import { limits } from "./limits.ts";
import { section } from "./section.ts";
import { trustEntry } from "./trust-schema.ts";
import {
  claimValue,
  duration,
  filePath,
  flag,
  proxyAddress,
  host,
  httpsOrigin,
  issuerIdentifier,
  list,
  oneOf,
  redirectUri,
  resource,
  ruleName,
  scopeToken,
  spiffeIdWildcard,
  text,
  trustName,
  whole,
} from "./values.ts";

const tls = section({
  cert_file: filePath().describe("Certificate chain, PEM, leaf first."),
  key_file: filePath().describe(
    "Private key of the certificate, PEM; must not be readable by everyone.",
  ),
});

const publicTls = section({
  ...tls.shape,
  client_certificates: flag()
    .optional()
    .describe(
      "Whether clients are asked for a certificate, for `spiffe_x509` and bound tokens; left out: where a policy rule allows `spiffe_x509`, or its template wants bound tokens, and `mutual_tls.tls` is not set.",
    ),
});

const listen = section({
  host: host().default("0.0.0.0").describe("Address to bind."),
  port: whole(0, 65_535)
    .default(8700)
    .describe("Port to bind; 0 takes any free one."),
  tls: publicTls
    .optional()
    .describe(
      "Serve https with these files; plain http, for a proxy in front, without.",
    ),
  trusted_proxies: list(proxyAddress())
    .default([])
    .describe(
      "Proxies and balancers in front of the public listeners that add to `X-Forwarded-For` whom they were called by: IP addresses, CIDR blocks or `loopback`. The caller, for limits by address and the audit trail, is then the last address in it that is none of theirs. From everyone else the header is ignored.",
    ),
});

const mutualTls = section({
  host: host().default("0.0.0.0").describe("Address to bind."),
  port: whole(0, 65_535)
    .default(8702)
    .describe("Port to bind; 0 takes any free one."),
  tls: tls
    .optional()
    .describe(
      "A listener of its own that asks for client certificates, serving https with these files; none where left out.",
    ),
  base_url: httpsOrigin()
    .optional()
    .describe(
      "Where clients reach the endpoints that ask for certificates, if not at the issuer's own address: an https origin, which becomes `mtls_endpoint_aliases`.",
    ),
  proxies: list(
    section({
      addresses: list(proxyAddress()).describe(
        "The proxy's addresses: IP addresses, CIDR blocks or `loopback`. Whoever connects from there is believed.",
      ),
      header: oneOf("client_cert", "xfcc").describe(
        "The header it replaces with its client's certificate: `Client-Cert` (RFC 9440), or Envoy's `X-Forwarded-Client-Cert` with `Cert` or `Chain`.",
      ),
    }),
  )
    .default([])
    .describe(
      "Proxies that end TLS, ask for client certificates and hand them on. From everyone else these headers are ignored.",
    ),
});

const admin = section({
  host: host().default("127.0.0.1").describe("Address to bind."),
  port: whole(0, 65_535)
    .default(8701)
    .describe("Port to bind; 0 takes any free one."),
  token_file: filePath()
    .optional()
    .describe(
      "File with the bearer token of the admin API, 16 characters or more; needed unless the host is a loopback one.",
    ),
});

const store = section({
  url: text(
    "sqlite: and a file path, or postgres:// with a user, a host and a database and without a password, like postgres://accredit@db.example/accredit?sslmode=verify-full, whose only parameters are sslmode (disable, require, verify-ca or verify-full), sslrootcert, sslcert and sslkey",
    (value) => isSqliteUrl(value) || isPostgresUrl(value),
  )
    .default("sqlite:./data/accredit.db")
    .describe(
      "The database: `sqlite:` and a file path, made where it is missing; or `postgres://user@host:port/database`, which several nodes may share. It takes libpq's parameters `sslmode`, `sslrootcert`, `sslcert` and `sslkey`; with any `sslmode` but `disable` the server's certificate and name are verified, without one nothing is encrypted.",
    ),
  password_file: filePath()
    .optional()
    .describe(
      "File with the password of PostgreSQL; without it, whatever the server takes without one.",
    ),
  max_connections: whole(1, 1000)
    .default(10)
    .describe(
      "Connections of this node that read from PostgreSQL; one more writes.",
    ),
});

const registration = section({
  audiences: list(claimValue())
    .default([])
    .describe(
      "More accepted `aud` values of a software statement; the registration endpoint's URL always is one.",
    ),
  client_id: oneOf("spiffe_id", "opaque")
    .default("spiffe_id")
    .describe(
      "What a client_id is: the attested SPIFFE ID, or a random one with the SPIFFE ID as alias.",
    ),
  max_age: duration("1s", "24h")
    .prefault("1h")
    .describe("How long ago a statement may have been issued (`iat`)."),
  max_lifetime: duration("1s", "24h")
    .prefault("1h")
    .describe("The longest validity of a statement (`exp` - `iat`)."),
  clock_tolerance: duration("0s", "5m")
    .prefault("60s")
    .describe("How far the clocks of issuer and server may differ."),
  keep_ended: duration("0s", "365d")
    .prefault("7d")
    .describe(
      "How long a registration whose lease has ended is kept, so that its client can come back under the same client_id.",
    ),
});

const tokens = section({
  access_token_ttl: duration("1s", "24h")
    .prefault("10m")
    .describe("How long an access token is valid."),
  default_resource: resource()
    .optional()
    .describe(
      "The audience of a token whose request names no resource; the issuer where left out.",
    ),
});

const statusLists = section({
  grace: duration("0s", "30d")
    .prefault("1h")
    .describe(
      "How long a status list stays in use that can no longer be refreshed; after it, clients on it get nothing.",
    ),
  floor: duration("1s", "24h")
    .prefault("30s")
    .describe(
      "The shortest time between two reads of a list, whatever its ttl.",
    ),
  ceiling: duration("1s", "24h")
    .prefault("15m")
    .describe(
      "The longest time between two reads of a list, whatever its ttl.",
    ),
  status_list_2021: flag()
    .default(false)
    .describe("Whether the older StatusList2021 is taken."),
  ca_file: filePath()
    .optional()
    .describe("Roots for the hosts' certificates besides the system's, PEM."),
  allow_private_addresses: flag()
    .default(false)
    .describe("Whether lists may be at a private or loopback address."),
});

const allow = section({
  grant_types: list(
    oneOf("client_credentials", "authorization_code", "refresh_token"),
  )
    .default([])
    .describe("OAuth grant types."),
  scopes: list(scopeToken()).default([]).describe("Scope tokens."),
  resources: list(resource())
    .default([])
    .describe("Resource identifiers (RFC 8707), compared byte for byte."),
  redirect_uris: list(redirectUri())
    .default([])
    .describe(
      "Redirect URIs, compared byte for byte; http ones on 127.0.0.1 or [::1] match any port.",
    ),
  token_endpoint_auth_methods: list(
    oneOf("spiffe_jwt", "spiffe_x509", "spiffe_wit", "private_key_jwt"),
  )
    .default([])
    .describe("How clients may authenticate."),
});

const experimental = section({
  spiffe_wit: flag()
    .default(false)
    .describe(
      "Whether clients may register and authenticate with WIT-SVIDs, in the headers `OAuth-Client-Attestation` and `OAuth-Client-Attestation-PoP`.",
    ),
});

const templateValue = z.union([z.string(), z.boolean(), z.array(z.string())], {
  error: "text, true or false, or a list of texts",
});

/** One entry of `policy`. */
export const policyEntry = section({
  name: ruleName().describe("The rule's name; once in the whole list."),
  match: section({
    trust: trustName().describe(
      "The trust domain or issuer of the subjects, one of `trust`.",
    ),
    subject: claimValue().describe(
      "For a trust domain a SPIFFE ID in which `*` is one path segment and a closing `**` one or more; for an issuer the credential's subject, or `*` for any.",
    ),
  }).describe("The subjects that the rule decides for."),
  allow: allow
    .prefault({})
    .describe(
      "What their clients may have. A list that is empty or left out allows nothing.",
    ),
  attested_only: list(text("a client metadata name", (name) => name !== ""))
    .default([])
    .describe(
      "Client metadata that the request body may not supply: only the credential or the template may; with `register_as` only the template, since what is attested of one instance is not attested of the others.",
    ),
  template: z
    .record(z.string(), templateValue, {
      error: "a mapping of client metadata names to values",
    })
    .default({})
    .describe(
      "Client metadata for what neither statement nor body gives; `{trust_domain}`, `{spiffe_id}`, `{path}` and `{path[N]}` are filled in, for a Verifiable Credential `{issuer}` and `{subject}`.",
    ),
  register_as: spiffeIdWildcard()
    .optional()
    .describe(
      "One client for all subjects that this rule decides on, under this wildcard (`spiffe://<trust domain>/<path>/*`), which no other rule may have; left out: one client for each. A token then names the instance in `act.sub`.",
    ),
  introspect: oneOf("own", "any")
    .default("own")
    .describe("Whose tokens its clients may introspect."),
  lease: duration("1m", "365d")
    .optional()
    .describe(
      "How long a registration lasts; registering again or authenticating renews it. Left out: until it is withdrawn.",
    ),
  max_clients: whole(1, 1_000_000_000)
    .optional()
    .describe(
      "How many clients the rule admits; a full rule refuses newcomers and goes on renewing. Left out: any number.",
    ),
});

/** The whole file. */
export const configSchema = section({
  issuer: issuerIdentifier().describe(
    "Issuer identifier of the authorization server: https, or http on a loopback host. Every endpoint's URL begins with it.",
  ),
  listen: listen.prefault({}).describe("The public listener."),
  mutual_tls: mutualTls
    .prefault({})
    .describe(
      "Client certificates from a listener of their own, or from proxies.",
    ),
  admin: admin
    .prefault({})
    .describe("The listener of the admin API, console, metrics and health."),
  store: store.prefault({}).describe("Where clients and keys are kept."),
  registration: registration
    .prefault({})
    .describe("What a registration must satisfy, whoever sends it."),
  tokens: tokens
    .prefault({})
    .describe("The tokens that registered clients get."),
  limits: limits
    .prefault({})
    .describe("How fast things may come, and when the server sheds load."),
  trust: z
    .array(trustEntry, { error: "a list with at least one trust domain" })
    .min(1, { error: "a list with at least one trust domain" })
    .describe("Whose credentials are accepted. Nothing else is."),
  trust_cache_dir: filePath()
    .optional()
    .describe(
      "The server's own directory for the bundles it fetched last, to begin with after a restart; `bundles` beside the database where left out.",
    ),
  status_lists: statusLists
    .prefault({})
    .describe("The status lists of Verifiable Credentials."),
  policy: list(policyEntry)
    .default([])
    .describe(
      "Who may register as what. The first rule that matches decides; where none does, registration is refused.",
    ),
  experimental: experimental
    .prefault({})
    .describe(
      "What follows specifications that are not settled, and may change without notice.",
    ),
  log: section({
    level: oneOf("trace", "debug", "info", "warn", "error", "fatal", "silent")
      .default("info")
      .describe("The least severe level that is logged."),
  })
    .prefault({})
    .describe("The log on standard output."),
  shutdown_timeout: duration("0s", "5m")
    .prefault("7s")
    .describe(
      "How long requests in flight may take to finish when the server stops.",
    ),
});

/** A file that passed the schema; durations are seconds. */
export type ConfigFile = z.output<typeof configSchema>;

function isPostgresUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const {
    protocol,
    username,
    password,
    hostname,
    pathname,
    hash,
    searchParams,
  } = new URL(value);
  return (
    /^postgres(ql)?:$/.test(protocol) &&
    username !== "" &&
    password === "" &&
    hostname !== "" &&
    hash === "" &&
    /^\/[^/]+$/.test(pathname) &&
    areTlsParameters(searchParams)
  );
}

/** The driver takes many more, and takes no notice of those that it does not know: a slip would turn TLS off. */
function areTlsParameters(parameters: URLSearchParams): boolean {
  const names = [...parameters.keys()];
  const mode = parameters.get("sslmode");
  return (
    names.every((name) => /^ssl(mode|rootcert|cert|key)$/.test(name)) &&
    new Set(names).size === names.length &&
    [...parameters.values()].every((value) => value !== "") &&
    (mode === null || /^(disable|require|verify-ca|verify-full)$/.test(mode))
  );
}

function isSqliteUrl(value: string): boolean {
  const path = value.startsWith("sqlite:") ? value.slice(7) : "";
  return (
    path !== "" &&
    !path.startsWith("//") &&
    !path.startsWith(":") &&
    !/[\0?#]/.test(path)
  );
}

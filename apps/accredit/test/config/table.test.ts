import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, parse, problemPaths, validFile } from "./valid-file.ts";

/** `at` is the changed key, `paths` where the problems are: there alone, unless it says otherwise. */
interface Row {
  readonly at: string;
  readonly to: unknown;
  readonly paths?: readonly string[];
}
const bundle = "trust.0.bundle";

const REFUSED: readonly Row[] = [
  // The issuer identifier.
  ...[
    undefined,
    null,
    "",
    7,
    "as.example.com",
    "ftp://as.example.com",
    "http://as.example.com",
    "https://",
    "https://as.example.com?x",
    "https://as.example.com#x",
    "https://u:p@as.example.com",
    "https://AS.example.com",
    "https://as.example.com:443",
    "https://as.example.com/a/../b",
    " https://as.example.com",
    "https://as.example.com\n",
    "http://localhost.example",
    "http://127.0.0.1.example",
    "http://0.0.0.0:1",
    "https:\\\\as.example.com",
    "https:as.example.com",
  ].map((to) => ({ at: "issuer", to })),
  // Listeners.
  ...[-1, 65_536, 1.5, "8700", null].map((to) => ({ at: "listen.port", to })),
  ...["", "a b", "[::1]", "localhost:80", "999.1.1.1", "-a"].map((to) => ({
    at: "listen.host",
    to,
  })),
  { at: "listen.tls.key_file", to: undefined, paths: ["listen.tls.key_file"] },
  {
    at: "listen.tls.cert_file",
    to: undefined,
    paths: ["listen.tls.cert_file"],
  },
  {
    at: "listen.tls",
    to: {},
    paths: ["listen.tls.cert_file", "listen.tls.key_file"],
  },
  { at: "listen.tls.key_file", to: "a\0b" },
  { at: "listen.tls.client_certificates", to: "yes" },
  { at: "mutual_tls.tls.key_file", to: undefined },
  { at: "mutual_tls.base_url", to: undefined },
  ...[
    "http://mtls.example",
    "https://mtls.example/path",
    "https://mtls.example/",
    "https://MTLS.example",
    "https://u@mtls.example",
    "mtls.example",
  ].map((to) => ({ at: "mutual_tls.base_url", to })),
  { at: "mutual_tls.port", to: 8700 },
  { at: "mutual_tls.port", to: 8701 },
  { at: "mutual_tls.proxies.0.header", to: "x_ssl_client_cert" },
  { at: "mutual_tls.proxies.0.header", to: undefined },
  { at: "mutual_tls.proxies.0.addresses", to: [] },
  ...[
    "",
    "proxy.example",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0/8",
    "::1/129",
    "10.0.0.0/8/8",
    "fe80::1%eth0",
    "Loopback",
    "*",
  ].map((to) => ({
    at: "mutual_tls.proxies.0.addresses.0",
    to,
  })),
  { at: "admin", to: { host: "0.0.0.0" }, paths: ["admin.token_file"] },
  { at: "admin", to: { host: "127.example.com" }, paths: ["admin.token_file"] },
  { at: "admin.port", to: 8700, paths: ["admin.port"] },
  // Store.
  ...[
    "",
    "sqlite:",
    "sqlite::memory:",
    "sqlite://host/x",
    "./x.db",
    "postgres://u:p@h/d",
    "postgresql://h/d",
    "postgres://u@h",
    "postgres://u@h/d?sslmod=verify-full",
    "postgres://u@h/d?SSLMODE=verify-full",
    "postgres://u@h/d?sslmode=verify_full",
    "postgres://u@h/d?sslmode=prefer",
    "postgres://u@h/d?sslmode=",
    "postgres://u@h/d?sslmode=disable&sslmode=verify-full",
    "postgres://u@h/d?statement_timeout=0",
    "postgres://u@h/d/e",
    "postgres:///d",
    "mysql://h",
  ].map((to) => ({ at: "store.url", to })),
  // Registration and tokens.
  {
    at: "registration.audiences",
    to: ["https://as.example.com"],
    paths: ["registration.audiences[0]"],
  },
  {
    at: "registration.audiences",
    to: ["ok", "with space"],
    paths: ["registration.audiences[1]"],
  },
  { at: "registration.audiences", to: "https://dcr.example.com" },
  { at: "registration.client_id", to: "random" },
  ...[
    "1",
    60,
    "1.5s",
    "-1s",
    "1500ms",
    "0s",
    "25h",
    "1w",
    "1 h",
    "1H",
    "01s",
    "999999999999d",
  ].map((to) => ({
    at: "registration.max_age",
    to,
  })),
  { at: "registration.max_lifetime", to: "2d" },
  { at: "registration.clock_tolerance", to: "6m" },
  { at: "tokens.access_token_ttl", to: "0s" },
  ...["api", "https://api.example#x", "/x", "https://a b"].map((to) => ({
    at: "tokens.default_resource",
    to,
  })),
  // Trust.
  { at: "trust", to: [], paths: ["trust", "policy[0].match.trust"] },
  { at: "trust", to: undefined, paths: ["trust", "policy[0].match.trust"] },
  {
    at: "trust",
    to: [validFile().trust[0], validFile().trust[0]],
    paths: ["trust[1].trust_domain"],
  },
  { at: "trust.0.kind", to: undefined },
  { at: "trust.0.kind", to: "oidc" },
  {
    at: "trust.0",
    to: {
      kind: "vc",
      issuer: "did:web:i.example",
      keys: { did: true },
      status: "required",
    },
    paths: ["policy[0].match.trust"],
  },
  ...["Example.org", "a/b", "", "spiffe://example.org"].map((to) => ({
    at: "trust.0.trust_domain",
    to,
  })),
  {
    at: "trust.0.trust_domain",
    to: "other.org",
    paths: ["policy[0].match.trust"],
  },
  { at: "trust.0.iss.mode", to: "optional" },
  { at: "trust.0.iss.values", to: [] },
  { at: "trust.0.iss.values", to: [7], paths: ["trust[0].iss.values[0]"] },
  { at: "trust.0.key_id", to: true },
  { at: "trust.0.required", to: "yes" },
  { at: "trust.0.max_stale", to: "0s" },
  { at: bundle, to: {} },
  { at: bundle, to: undefined },
  {
    at: bundle,
    to: { file: "a", url: "https://a.example", profile: "https_web" },
  },
  {
    at: bundle,
    to: { url: "https://a.example" },
    paths: ["trust[0].bundle.profile"],
  },
  {
    at: bundle,
    to: { file: "a", ca_file: "b" },
    paths: ["trust[0].bundle.ca_file"],
  },
  {
    at: bundle,
    to: { file: "a", profile: "https_web" },
    paths: ["trust[0].bundle.profile"],
  },
  {
    at: bundle,
    to: { workload_api: "/run/spire/agent.sock" },
    paths: ["trust[0].bundle.workload_api"],
  },
  {
    at: bundle,
    to: { workload_api: "unix:///s", file: "a" },
    paths: ["trust[0].bundle"],
  },
  {
    at: bundle,
    to: { workload_api: "unix:///s", profile: "https_web" },
    paths: ["trust[0].bundle.profile"],
  },
  {
    at: bundle,
    to: {
      url: "https://a.example",
      profile: "https_spiffe",
      bootstrap_file: "c",
    },
    paths: ["trust[0].bundle.endpoint_spiffe_id"],
  },
  ...["spiffe://example.org/endpoint", "spiffe://other.example/endpoint"].map(
    (endpoint_spiffe_id) => ({
      at: bundle,
      to: {
        url: "https://a.example",
        profile: "https_spiffe",
        endpoint_spiffe_id,
      },
      paths: ["trust[0].bundle.bootstrap_file"],
    }),
  ),
  {
    at: bundle,
    to: {
      url: "https://a.example",
      profile: "https_spiffe",
      endpoint_spiffe_id: "spiffe://example.org",
      bootstrap_file: "c",
    },
    paths: ["trust[0].bundle.endpoint_spiffe_id"],
  },
  {
    at: bundle,
    to: {
      url: "https://a.example",
      profile: "https_web",
      endpoint_spiffe_id: "spiffe://example.org/e",
    },
    paths: ["trust[0].bundle.endpoint_spiffe_id"],
  },
  ...(
    [
      [{ issuer: "http://issuer.example" }, "issuer"],
      [{ issuer: "https://issuer.example?x" }, "issuer"],
      [{ issuer: "example.org" }, "issuer"],
      [{ keys: {} }, "keys"],
      [{ keys: { did: true, jwks_uri: "https://i.example/jwks" } }, "keys"],
      [{ keys: { did: false } }, "keys.did"],
      [{ keys: { metadata: true } }, "keys.metadata"],
      [{ issuer: "https://issuer.example" }, "keys.did"],
      [{ types: [] }, "types"],
      [{ formats: ["ldp_vc"] }, "formats[0]"],
      [{ algorithms: ["HS256"] }, "algorithms[0]"],
      [{ status: "sometimes" }, "status"],
      [{ key_binding: "maybe" }, "key_binding"],
      [{ trust_domain: "example.org" }, "trust_domain"],
    ] as const
  ).map(([change, path]) => ({
    at: "trust.1",
    to: {
      kind: "vc",
      issuer: "did:web:i.example",
      keys: { did: true },
      ...change,
    },
    paths: [`trust[1].${path}`],
  })),
  ...[
    "http://a.example",
    "https://u@a.example",
    "https://a.example#x",
    "https:a.example",
    "https://",
  ].map((to) => ({
    at: `${bundle}.url`,
    to,
  })),
  { at: `${bundle}.refresh_floor`, to: "11m" },
  { at: `${bundle}.refresh_ceiling`, to: undefined, paths: [] },
  // Policy.
  { at: "policy.0.name", to: "two words" },
  { at: "policy.0.name", to: undefined },
  {
    at: "policy",
    to: [validFile().policy[0], validFile().policy[0]],
    paths: ["policy[1].name"],
  },
  { at: "policy.0.match.subject", to: "spiffe://other.org/**" },
  ...[
    "example.org/**",
    "spiffe://example.org",
    "spiffe://example.org/a*",
    "spiffe://example.org/**/b",
    "spiffe://*/a",
  ].map((to) => ({ at: "policy.0.match.subject", to })),
  {
    at: "policy.0.allow.grant_types",
    to: ["client_credential"],
    paths: ["policy[0].allow.grant_types[0]"],
  },
  {
    at: "policy.0.allow.scopes",
    to: ["read", "a b"],
    paths: ["policy[0].allow.scopes[1]"],
  },
  {
    at: "policy.0.allow.scopes",
    to: ["read", 'a"b'],
    paths: ["policy[0].allow.scopes[1]"],
  },
  {
    at: "policy.0.allow.scopes",
    to: ["read", ""],
    paths: ["policy[0].allow.scopes[1]"],
  },
  { at: "policy.0.allow.scopes", to: "read" },
  {
    at: "policy.0.allow.resources",
    to: ["api.example"],
    paths: ["policy[0].allow.resources[0]"],
  },
  {
    at: "policy.0.allow.resources",
    to: ["https://a.example#b"],
    paths: ["policy[0].allow.resources[0]"],
  },
  {
    at: "policy.0.allow.redirect_uris",
    to: ["http://app.example/cb"],
    paths: ["policy[0].allow.redirect_uris[0]"],
  },
  {
    at: "policy.0.allow.redirect_uris",
    to: ["https://*.example/cb"],
    paths: ["policy[0].allow.redirect_uris[0]"],
  },
  {
    at: "policy.0.allow.redirect_uris",
    to: ["javascript:alert(1)"],
    paths: ["policy[0].allow.redirect_uris[0]"],
  },
  {
    at: "policy.0.allow.token_endpoint_auth_methods",
    to: ["none"],
    paths: ["policy[0].allow.token_endpoint_auth_methods[0]"],
  },
  {
    at: "policy.0.attested_only",
    to: ["scopes"],
    paths: ["policy[0].attested_only[0]"],
  },
  {
    at: "policy.0.template",
    to: { scope: "admin" },
    paths: ["policy[0].template.scope"],
  },
  {
    at: "policy.0.template",
    to: { nonsense: "x" },
    paths: ["policy[0].template.nonsense"],
  },
  {
    at: "policy.0.template",
    to: { client_name: "{name}" },
    paths: ["policy[0].template.client_name"],
  },
  {
    at: "policy.0.template",
    to: { grant_types: ["refresh_token"] },
    paths: ["policy[0].template.grant_types"],
  },
  {
    at: "policy.0.template",
    to: { scope: 7 },
    paths: ["policy[0].template.scope"],
  },
  { at: "policy.0.introspect", to: "all" },
  { at: "policy.0.lease", to: "soon" },
  { at: "policy.0.max_clients", to: 0 },
  { at: "policy.0.register_as", to: "spiffe://example.org/*" },
  { at: "policy.0.register_as", to: "spiffe://example.org/ns/*/x" },
  { at: "policy.0.register_as", to: "spiffe://example.org/elsewhere/*" },
  { at: "policy.0.register_as", to: "spiffe://other.example/ns/*" },
  { at: "log.level", to: "verbose" },
  { at: "shutdown_timeout", to: "1h" },
  // Keys that are not there.
  { at: "isuer", to: "x" },
  { at: "listen.prot", to: 1 },
  { at: "trust.0.bundle.path", to: "x" },
  { at: "policy.0.allow.scope", to: [] },
  { at: "policy.0.match.constructor", to: {} },
];

for (const { at, to, paths = [at.replace(/\.(\d+)/g, "[$1]")] } of REFUSED) {
  const name = `config: ${at} = ${JSON.stringify(to) ?? "(left out)"}`;
  if (paths.length === 0)
    test(`${name} is taken`, () => void parse(changed(at, to)));
  else
    test(`${name} is refused`, () =>
      assert.deepEqual(problemPaths(changed(at, to)), paths));
}

for (const issuer of [
  "https://as.example.com/",
  "https://as.example.com/tenant/a",
  "https://as.example.com:8443",
  "http://localhost:8700",
  "http://127.0.0.1:8700",
  "http://[::1]:8700",
]) {
  test(`config: issuer ${issuer} is kept byte for byte`, () => {
    assert.equal(parse(changed("issuer", issuer)).issuer, issuer);
  });
}

test("[SEC-08] config: all problems of a file at once, whatever part they are in", () => {
  const file = validFile() as Record<string, unknown>;
  file["issuer"] = 5;
  file["extra"] = 1;
  file["admin"] = { host: "0.0.0.0", token: "x" };
  file["policy"] = [
    {
      ...validFile().policy[0],
      match: { trust: "b.org", subject: "spiffe://c.org/x" },
    },
  ];
  assert.deepEqual(problemPaths(file).toSorted(), [
    "admin.token",
    "extra",
    "issuer",
    "policy[0].match.subject",
    "policy[0].match.trust",
  ]);
});

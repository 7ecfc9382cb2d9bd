import assert from "node:assert/strict";
import {
  ConfigError,
  parseConfig,
  type Config,
} from "../../src/config/index.ts";

/** A whole file that says everything; every table changes one thing of it. */
export function validFile() {
  return {
    issuer: "https://as.example.com",
    listen: {
      host: "0.0.0.0",
      port: 8700,
      tls: {
        cert_file: "tls.crt",
        key_file: "tls.key",
        client_certificates: false,
      },
    },
    mutual_tls: {
      host: "0.0.0.0",
      port: 8702,
      tls: { cert_file: "tls.crt", key_file: "tls.key" },
      base_url: "https://mtls.as.example.com",
      proxies: [
        { addresses: ["loopback", "10.0.0.0/8"], header: "client_cert" },
      ],
    },
    admin: { host: "127.0.0.1", port: 8701, token_file: "/run/token" },
    store: { url: "sqlite:./data/accredit.db" },
    registration: {
      audiences: ["https://dcr.example.com"],
      client_id: "opaque",
      max_age: "30m",
      max_lifetime: "2h",
      clock_tolerance: "30s",
    },
    tokens: { access_token_ttl: "5m", default_resource: "https://api.example" },
    trust: [
      {
        kind: "spiffe",
        trust_domain: "example.org",
        iss: { mode: "require", values: ["https://oidc.example.org"] },
        key_id: "required",
        required: false,
        bundle: {
          url: "https://spire.example.org:8443/bundle",
          profile: "https_web",
          ca_file: "ca.pem",
          allow_private_addresses: false,
          refresh_floor: "30s",
          refresh_ceiling: "10m",
        },
        max_stale: "7d",
      },
    ],
    trust_cache_dir: "/var/lib/accredit/bundles",
    policy: [
      {
        name: "agents",
        match: {
          trust: "example.org",
          subject: "spiffe://example.org/ns/*/agent/**",
        },
        allow: {
          grant_types: ["client_credentials"],
          scopes: ["read", "write"],
          resources: ["https://api.example"],
          redirect_uris: ["https://app.example/cb"],
          token_endpoint_auth_methods: ["spiffe_jwt"],
        },
        attested_only: ["scope"],
        template: { client_name: "Agent {path[3]}", scope: "read" },
        introspect: "any",
      },
    ],
    log: { level: "debug" },
    shutdown_timeout: "5s",
  };
}

/** The file with the value at `path` replaced; undefined takes the key away. */
export function changed(path: string, value: unknown): unknown {
  const file: unknown = validFile();
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let at = file as Record<string, unknown>;
  for (const key of keys) at = (at[key] ??= {}) as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return file;
}

/** Parses a file given as a value; JSON is YAML. */
export function parse(file: unknown): Config {
  return parseConfig(JSON.stringify(file), { baseDir: "/etc/accredit" });
}

/** The paths of the problems of a file that must have some. */
export function problemPaths(file: unknown): readonly string[] {
  return problemsOf(() => parse(file)).map(({ path }) => path);
}

/** The problems of what must fail with a {@link ConfigError}, each checked to be fit to print. */
export function problemsOf(action: () => unknown): ConfigError["problems"] {
  try {
    action();
  } catch (error) {
    return checkedProblems(error);
  }
  return assert.fail("expected a ConfigError, got none");
}

/** The problems of an error that must be a {@link ConfigError}. */
export function checkedProblems(error: unknown): ConfigError["problems"] {
  if (!(error instanceof ConfigError)) throw error;
  assert.ok(error.problems.length > 0);
  for (const { path, problem, expected } of error.problems) {
    for (const line of [path, problem, expected])
      assert.match(line, /^[\x20-\x7e]*$/);
    assert.notEqual(problem, "");
    assert.notEqual(expected, "");
  }
  return error.problems;
}

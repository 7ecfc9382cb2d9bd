import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  configJsonSchema,
  configReference,
  parseConfig,
} from "../../src/config/index.ts";
import { quickstartConfig } from "../../src/quickstart/config.ts";
import {
  changed,
  parse,
  problemPaths,
  problemsOf,
  validFile,
} from "./valid-file.ts";

const MINIMAL = `
issuer: https://as.example.com
trust:
  - { kind: spiffe, trust_domain: example.org, bundle: { file: ./bundle.json } }
`;

test("[AMB-01] config: what the file leaves out has its default, and iss is required", () => {
  assert.deepEqual(parseConfig(MINIMAL, { baseDir: "/etc/accredit" }), {
    issuer: "https://as.example.com",
    listen: { host: "0.0.0.0", port: 8700, trustedProxies: [] },
    mutualTls: { proxies: [] },
    admin: { host: "127.0.0.1", port: 8701 },
    store: { kind: "sqlite", path: "/etc/accredit/data/accredit.db" },
    registration: {
      audiences: [],
      clientId: "spiffe_id",
      maxAgeSeconds: 3600,
      maxLifetimeSeconds: 3600,
      clockToleranceSeconds: 60,
      keepEndedSeconds: 604_800,
    },
    tokens: { accessTokenTtlSeconds: 600, defaultResource: undefined },
    takesWit: false,
    limits: {
      registrationsPerMinutePerPrefix: 600,
      failedAttemptsPerSecondPerAddress: 10,
      maxEventLoopDelayMs: 500,
    },
    trust: [
      {
        configPath: "trust[0]",
        trustDomain: "example.org",
        issuer: {
          mode: "require",
          values: ["spiffe://example.org", "example.org"],
        },
        keyId: "optional",
        required: true,
        maxStaleSeconds: 86_400,
        bundle: { kind: "file", path: "/etc/accredit/bundle.json" },
      },
    ],
    trustCacheDirectory: "/etc/accredit/data/bundles",
    credentialIssuers: [],
    statusLists: {
      maxStaleSeconds: 3600,
      floorSeconds: 30,
      ceilingSeconds: 900,
      allowStatusList2021: false,
      allowPrivateAddresses: false,
    },
    maxClientsOfTrust: new Map(),
    policy: [],
    log: { level: "info" },
    shutdownTimeoutSeconds: 7,
    notices: [
      "listen.tls: is not set while the issuer is https, so a proxy in front must serve TLS",
      "policy: has no rule, so every registration is refused",
    ],
  });
});

test("config: what the file says is what the program gets", () => {
  const {
    listen,
    mutualTls,
    admin,
    registration,
    tokens,
    trust,
    policy,
    notices,
  } = parse(validFile());
  assert.deepEqual(listen.tls, {
    certFile: "/etc/accredit/tls.crt",
    keyFile: "/etc/accredit/tls.key",
    clientCertificates: false,
  });
  assert.deepEqual(mutualTls, {
    listen: {
      host: "0.0.0.0",
      port: 8702,
      tls: {
        certFile: "/etc/accredit/tls.crt",
        keyFile: "/etc/accredit/tls.key",
      },
    },
    origin: "https://mtls.as.example.com",
    proxies: [{ addresses: ["loopback", "10.0.0.0/8"], header: "client_cert" }],
  });
  assert.equal(admin.tokenFile, "/run/token");
  assert.equal(registration.clientId, "opaque");
  assert.equal(registration.maxLifetimeSeconds, 7200);
  assert.deepEqual(tokens, {
    accessTokenTtlSeconds: 300,
    defaultResource: "https://api.example",
  });
  assert.deepEqual(trust[0]?.bundle, {
    kind: "https_web",
    url: "https://spire.example.org:8443/bundle",
    caFile: "/etc/accredit/ca.pem",
    allowPrivateAddresses: false,
    refreshFloorSeconds: 30,
    refreshCeilingSeconds: 600,
  });
  assert.equal(
    parse(validFile()).trustCacheDirectory,
    "/var/lib/accredit/bundles",
  );
  assert.deepEqual(policy[0]?.allow.scopes, ["read", "write"]);
  assert.equal(policy[0]?.introspect, "any");
  assert.deepEqual(notices, []);
});

for (const [said, meant] of [
  [
    { workload_api: "unix:///run/spire/agent.sock" },
    { kind: "workload_api", address: "unix:///run/spire/agent.sock" },
  ],
  [
    {
      url: "https://spire.example.org",
      profile: "https_spiffe",
      endpoint_spiffe_id: "spiffe://example.org/spire/server",
      bootstrap_file: "bootstrap.json",
      refresh_floor: "2m",
    },
    {
      kind: "https_spiffe",
      url: "https://spire.example.org",
      endpointSpiffeId: "spiffe://example.org/spire/server",
      bootstrapFile: "/etc/accredit/bootstrap.json",
      allowPrivateAddresses: false,
      refreshFloorSeconds: 120,
    },
  ],
] as const) {
  test(`[FED-01] config: a ${meant.kind} bundle is what the file says, and nothing is inferred`, () => {
    assert.deepEqual(
      parse(changed("trust.0.bundle", said)).trust[0]?.bundle,
      meant,
    );
  });
}

/** An `https_spiffe` entry whose endpoint is one of that trust domain. */
function endpointOf(endpoint: string, file?: string) {
  return {
    url: "https://endpoint.example",
    profile: "https_spiffe",
    endpoint_spiffe_id: `spiffe://${endpoint}/endpoint`,
    ...(file !== undefined && { bootstrap_file: file }),
  };
}

for (const [name, bundles, missing] of [
  ["a file", { a: endpointOf("b"), b: { file: "b.json" } }, []],
  ["a bootstrap file", { a: endpointOf("b"), b: endpointOf("b", "c") }, []],
  [
    "a bootstrap file on the way",
    { a: endpointOf("b"), b: endpointOf("c"), c: endpointOf("a", "f") },
    [],
  ],
  ["each other", { a: endpointOf("b"), b: endpointOf("a") }, [0, 1]],
  [
    "a circle further on",
    { a: endpointOf("b"), b: endpointOf("c"), c: endpointOf("b") },
    [0, 1, 2],
  ],
  ["nobody", { a: endpointOf("b") }, [0]],
] as const) {
  test(`[FED-05] config: endpoints whose trust begins with ${name}`, () => {
    const file = changed(
      "trust",
      Object.entries(bundles).map(([trust_domain, bundle]) => ({
        kind: "spiffe",
        trust_domain,
        bundle,
      })),
    ) as { policy: unknown };
    file.policy = [];
    const paths = missing.map(
      (index) => `trust[${index}].bundle.bootstrap_file`,
    );
    if (paths.length > 0) assert.deepEqual(problemPaths(file), paths);
    else assert.equal(parse(file).trust.length, Object.keys(bundles).length);
  });
}

test("[X10] config: a rule that allows nothing is one whose lists are empty", () => {
  assert.deepEqual(
    parse(
      changed("policy.0", {
        name: "none",
        match: validFile().policy[0]?.match,
      }),
    ).policy[0]?.allow,
    {
      grantTypes: [],
      scopes: [],
      resources: [],
      redirectUris: [],
      tokenEndpointAuthMethods: [],
    },
  );
});

test("config: the result cannot be changed", () => {
  const config = parse(validFile());
  const walk = (value: unknown): void => {
    if (value === null || typeof value !== "object") return;
    assert.ok(Object.isFrozen(value));
    Object.values(value).forEach(walk);
  };
  walk(config);
});

test("[SEC-04] config: a statement's audience is never the issuer identifier", () => {
  for (const audiences of [
    ["https://as.example.com"],
    ["https://dcr.example.com", "https://as.example.com"],
  ]) {
    assert.deepEqual(
      problemPaths(changed("registration.audiences", audiences)),
      [`registration.audiences[${audiences.length - 1}]`],
    );
  }
});

test("[FED-01] config: trust domain, url and profile are named each, none is inferred", () => {
  for (const key of ["trust_domain", "bundle.url", "bundle.profile"]) {
    assert.notDeepEqual(
      problemPaths(changed(`trust.0.${key}`, undefined)),
      [],
      key,
    );
  }
});

test("[FED-03] config: a bundle endpoint is https, without user information", () => {
  for (const url of [
    "http://a.example",
    "https://u@a.example",
    "https://u:p@a.example",
  ]) {
    assert.deepEqual(problemPaths(changed("trust.0.bundle.url", url)), [
      "trust[0].bundle.url",
    ]);
  }
});

test("[S58] config: a rule decides for its own trust domain alone, by whole segments", () => {
  for (const subject of [
    "spiffe://evilexample.org/**",
    "spiffe://example.org.evil/**",
    "spiffe://example.org/agent*",
    "spiffe://*/agent",
    "spiffe://example.org/**/agent",
  ]) {
    assert.deepEqual(problemPaths(changed("policy.0.match.subject", subject)), [
      "policy[0].match.subject",
    ]);
  }
});

test("config: durations in every unit", () => {
  for (const [text, seconds] of [
    ["5000ms", 5],
    ["30s", 30],
    ["5m", 300],
    ["24h", 86_400],
  ] as const) {
    assert.equal(
      parse(changed("registration.max_age", text)).registration.maxAgeSeconds,
      seconds,
    );
  }
});

test("config: a mistyped key gets the nearest name", () => {
  for (const [at, near] of [
    ["registraton", "registration"],
    ["registration.maxAge", "max_age"],
    ["trust.0.max-stale", "max_stale"],
    ["policy.0.allow.scope", "scopes"],
  ] as const) {
    const [problem] = problemsOf(() => parse(changed(at, "x")));
    assert.equal(problem?.problem, "unknown key");
    assert.ok(
      problem.expected.startsWith(`'${near}', or another of`),
      problem.expected,
    );
  }
  assert.ok(
    problemsOf(() => parse(changed("zzzzzz", 1)))[0]?.expected.startsWith(
      "one of issuer,",
    ),
  );
});

test("config: a PostgreSQL database, its password in a file", () => {
  const url = "postgres://u@db.example:5433/d?sslmode=verify-full";
  assert.deepEqual(
    parse(changed("store", { url, password_file: "./pg" })).store,
    {
      kind: "postgres",
      url,
      passwordFile: "/etc/accredit/pg",
      maxConnections: 10,
    },
  );
  const [problem] = problemsOf(() =>
    parse(changed("store.password_file", "x")),
  );
  assert.equal(problem?.path, "store.password_file");
  assert.match(problem.problem, /has no password/);
});

test("config: no password of a URL appears in a problem", () => {
  for (const at of ["issuer", "store.url", "trust.0.bundle.url"]) {
    for (const url of [
      "https://u:hunter2@as.example",
      "postgres://u:hunter2@h/d",
      "mysql://u:hun/ter2@h/d",
    ]) {
      const text = JSON.stringify(problemsOf(() => parse(changed(at, url))));
      assert.doesNotMatch(text, /ter2/);
    }
  }
});

test("config: notices for what is weak and for what has no effect", () => {
  for (const [at, to, notice] of [
    ["issuer", "http://localhost:8700", /^issuer: is http/],
    ["trust.0.iss.mode", "ignore", /^trust\[0\]\.iss\.mode/],
    [
      "trust.0.bundle.allow_private_addresses",
      true,
      /^trust\[0\]\.bundle\.allow_private_addresses/,
    ],
    [
      "policy.0.allow.token_endpoint_auth_methods",
      ["spiffe_jwt", "spiffe_wit"],
      /spiffe_wit is not served/,
    ],
    [
      "listen.trusted_proxies",
      ["10.0.0.0/8", "0.0.0.0/0"],
      /^listen\.trusted_proxies: 0\.0\.0\.0\/0 is everyone/,
    ],
    [
      "mutual_tls.proxies.0.addresses",
      ["loopback", "::/0"],
      /^mutual_tls\.proxies\[0\]\.addresses: ::\/0 is everyone/,
    ],
    ["store.url", "postgres://u@db.example/d", /^store\.url: has no sslmode/],
    [
      "store.url",
      "postgres://u@db.example/d?sslmode=disable",
      /^store\.url: has no sslmode/,
    ],
    [
      "policy.0.allow.grant_types",
      ["client_credentials", "authorization_code"],
      /authorization_code is not served/,
    ],
  ] as const) {
    const { notices } = parse(changed(at, to));
    assert.equal(notices.length, 1);
    assert.match(notices[0] ?? "", notice);
  }
});

test("config: the quick start's file is one", () => {
  const text = quickstartConfig({
    issuer: "http://127.0.0.1:8700",
    port: 8700,
    adminPort: 8701,
    bundleUrl: "https://localhost:8702/bundle",
    credentialIssuer: "did:web:localhost%3A8704",
    caFile: "/x/ca.pem",
  });
  assert.equal(parseConfig(text, { baseDir: "/x" }).trust.length, 1);
});

test("config: any change of any value gives a configuration or a ConfigError", () => {
  const keys = configReference()
    .map(({ key }) => key.replaceAll("[]", ".0"))
    .filter((key) => !key.includes("<"))
    // The file changed has no such entry.
    .filter((key) => !key.startsWith("trust.0.keys."));
  fc.assert(
    fc.property(
      fc.constantFrom(...keys),
      fc.jsonValue({ maxDepth: 3 }),
      (key, value) => {
        try {
          parse(changed(key, value));
        } catch (error) {
          problemsOf(() => {
            throw error;
          });
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("config: every key has a description, in the reference and in the JSON Schema", () => {
  const reference = configReference();
  assert.ok(reference.length > 50);
  for (const { key, description, type } of reference) {
    assert.match(description, /\.$/, key);
    assert.notEqual(type, "any", key);
  }
  assert.deepEqual(
    reference.find(({ key }) => key === "registration.max_age"),
    {
      key: "registration.max_age",
      type: "string",
      default: '"1h"',
      required: false,
      description: "How long ago a statement may have been issued (`iat`).",
    },
  );
  const schema = configJsonSchema();
  assert.equal(schema["additionalProperties"], false);
  assert.deepEqual(schema["required"], ["issuer", "trust"]);
  JSON.stringify(schema);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "@accredit/core/json";
import {
  findRule,
  matchRule,
  type PolicyAllowance,
  type PolicyRule,
} from "@accredit/core/registration";
import { parseSpiffeIdPattern } from "@accredit/core/spiffe";
import { attest, decideOn, reasonsAgainst, RULE, SETTINGS } from "./fixture.ts";

const NOTHING: PolicyAllowance = {
  grantTypes: [],
  scopes: [],
  resources: [],
  redirectUris: [],
  tokenEndpointAuthMethods: [],
};

function ruleFor(name: string, subject: string, trust = "example.org") {
  const match = { trust, subject: parseSpiffeIdPattern(subject) };
  return { ...RULE, name, match };
}

test("[S58] [SEC-03] the first rule that matches decides, and none where none does", () => {
  const policy = [
    ruleFor("foreign", "spiffe://example.org/**", "other.example"),
    ruleFor("prod", "spiffe://example.org/ns/prod/*"),
    ruleFor("all", "spiffe://example.org/ns/**"),
    ruleFor("never", "spiffe://example.org/ns/prod/x"),
  ];
  for (const [subject, expected] of [
    ["spiffe://example.org/ns/prod/x", "prod"],
    ["spiffe://example.org/ns/prod/x/y", "all"],
    ["spiffe://example.org/ns/production/x", "all"],
    ["spiffe://example.org/ns/prod-evil/x", "all"],
    ["spiffe://example.org/ns/Prod/x", "all"],
    ["spiffe://example.org/ns/prod", "all"],
    ["spiffe://example.org/ns", undefined],
    ["spiffe://example.org/x/ns/prod/x", undefined],
    ["spiffe://example.org", undefined],
    ["spiffe://evilexample.org/ns/prod/x", undefined],
    ["spiffe://example.org.evil/ns/prod/x", undefined],
    ["spiffe://other.example/ns/prod/x", undefined],
  ] as const) {
    const found = findRule(policy, attest(subject));
    assert.equal(found?.name, expected, subject);
  }
  assert.equal(findRule([], attest("spiffe://example.org/x")), undefined);
});

test("a rule says why it does not match", () => {
  const subject = attest("spiffe://example.org/ns/prod/x");
  const why = (rule: PolicyRule): string => matchRule(rule, subject).why;
  assert.match(
    why(ruleFor("a", "spiffe://example.org/**", "other.example")),
    /trust domain other\.example/,
  );
  assert.match(
    why(ruleFor("b", "spiffe://example.org/x")),
    /does not match spiffe:\/\/example\.org\/x/,
  );
});

test("[X10] an empty list allows nothing", async () => {
  const body = { scope: "read", redirect_uris: ["https://app.example/cb"] };
  assert.deepEqual(await reasonsAgainst({ body, rule: { allow: NOTHING } }), [
    "metadata_invalid grant_types",
    "metadata_invalid token_endpoint_auth_method",
    "metadata_invalid scope",
    "redirect_uri_invalid redirect_uris",
  ]);
});

test("[DCR-TI-15] [M07] [M08] what a rule does not list is refused", async () => {
  const GRANT = "metadata_invalid grant_types";
  const METHOD = "metadata_invalid token_endpoint_auth_method";
  const SCOPE = "metadata_invalid scope";
  const REDIRECT = "redirect_uri_invalid redirect_uris";
  const rows: readonly (readonly [JsonObject, readonly string[]])[] = [
    [{ scope: "read" }, []],
    [{ scope: "write read" }, []],
    [{ scope: "admin" }, [SCOPE]],
    [{ scope: "read admin" }, [SCOPE]],
    [{ scope: "READ" }, [SCOPE]],
    [{ scope: "readwrite" }, [SCOPE]],
    [{ grant_types: [] }, []],
    [{ grant_types: ["password"] }, [GRANT, GRANT]],
    [{ grant_types: ["implicit"] }, [GRANT, GRANT]],
    [{ grant_types: ["client_credentials", "password"] }, [GRANT, GRANT]],
    [{ grant_types: ["Client_Credentials"] }, [GRANT, GRANT]],
    [{ token_endpoint_auth_method: "spiffe_x509" }, []],
    [{ token_endpoint_auth_method: "spiffe_wit" }, [METHOD, METHOD]],
    [{ token_endpoint_auth_method: "private_key_jwt" }, [METHOD, METHOD]],
    [{ token_endpoint_auth_method: "tls_client_auth" }, [METHOD, METHOD]],
    [{ redirect_uris: ["https://app.example/cb"] }, []],
    [{ redirect_uris: ["https://app.example/cb/"] }, [REDIRECT]],
    [{ redirect_uris: ["https://app.example/cb?x"] }, [REDIRECT]],
    [{ redirect_uris: ["https://app.example/%63b"] }, [REDIRECT]],
    [{ redirect_uris: ["https://APP.example/cb"] }, [REDIRECT]],
    [{ redirect_uris: ["https://app.example:443/cb"] }, [REDIRECT]],
    [{ redirect_uris: ["https://app.example/x/../cb"] }, [REDIRECT]],
    [
      { redirect_uris: ["https://app.example/cb", "https://b.example/cb"] },
      [REDIRECT],
    ],
  ];
  for (const [body, expected] of rows)
    assert.deepEqual(
      await reasonsAgainst({ body }),
      expected,
      JSON.stringify(body),
    );
});

test("[META-02] [META-03] what the server cannot do is refused, whatever the rule allows", async () => {
  const rule = {
    allow: {
      ...RULE.allow,
      grantTypes: ["client_credentials", "urn:example:grant"],
      tokenEndpointAuthMethods: ["spiffe_jwt", "spiffe_wit"],
    },
  } as const;
  for (const body of [
    { grant_types: ["urn:example:grant"] },
    { token_endpoint_auth_method: "spiffe_wit" },
  ]) {
    const reasons = await reasonsAgainst({ body, rule });
    assert.equal(reasons.length, 1);
  }
});

test("[M05] [META-01] a loopback redirect may have any port, and nothing else may differ", async () => {
  const allows = async (entry: string, uri: string): Promise<boolean> => {
    const allow = { ...RULE.allow, redirectUris: [entry] };
    const body = { redirect_uris: [uri] };
    return (await decideOn({ body, rule: { allow } })).allow;
  };
  for (const host of ["127.0.0.1", "[::1]"]) {
    const entry = `http://${host}/cb`;
    for (const good of [
      entry,
      `http://${host}:1/cb`,
      `http://${host}:65535/cb`,
    ])
      assert.ok(await allows(entry, good), good);
    assert.ok(await allows(`http://${host}:8080/cb`, `http://${host}:9090/cb`));
    for (const bad of [
      `http://${host}:1/`,
      `http://${host}:1/cb/`,
      `http://${host}:1/cb?x`,
      `http://${host}:1/CB`,
      `https://${host}:1/cb`,
    ])
      assert.ok(!(await allows(entry, bad)), bad);
  }
  const named = "http://localhost:8080/cb";
  assert.ok(await allows(named, named));
  assert.ok(!(await allows(named, "http://localhost:9090/cb")), "a name");
  assert.ok(!(await allows("http://127.0.0.1/cb", "http://localhost:1/cb")));
  assert.ok(!(await allows("http://localhost/cb", "http://[::1]:1/cb")));
  assert.ok(!(await allows("https://a.example/cb", "https://a.example:1/cb")));
  assert.ok(!(await allows("http://a.example/cb", "http://127.0.0.1:1/cb")));
});

test("every reason at once, one field's mistake hiding no other's", async () => {
  const reasons = await reasonsAgainst({
    body: {
      scope: "read  write",
      client_name: 7,
      contacts: "ops",
      grant_types: ["password"],
      token_endpoint_auth_method: "none",
      redirect_uris: ["https://other.example/cb"],
      application_type: "web",
      jwks: { keys: [] },
      spiffe_id: "spiffe://example.org/other",
      tls_client_certificate_bound_access_tokens: true,
    },
    rule: { template: { client_uri: "https://{path[9]}/" } },
  });
  assert.deepEqual(reasons.toSorted(), [
    "metadata_invalid client_name",
    "metadata_invalid client_uri",
    "metadata_invalid contacts",
    "metadata_invalid grant_types",
    "metadata_invalid grant_types",
    "metadata_invalid jwks",
    "metadata_invalid scope",
    "metadata_invalid spiffe_id",
    "metadata_invalid tls_client_certificate_bound_access_tokens",
    "metadata_invalid token_endpoint_auth_method",
    "redirect_uri_invalid redirect_uris",
  ]);
});

test("[META-13] what a rule does not list is told beside what the fields forbid each other", async () => {
  const body = {
    application_type: "web",
    redirect_uris: ["http://127.0.0.1/other"],
  };
  const decision = await decideOn({ body });
  assert.ok(!decision.allow);
  assert.deepEqual(
    decision.reasons.map(({ message }) => message.replace(/,? got .*/, "")),
    [
      "redirect_uris: expected https for application_type web",
      "redirect_uris: policy rule agents allows 'https://app.example/cb' 'http://127.0.0.1/cb'",
    ],
  );
});

const UNIVERSE = {
  grantTypes: ["client_credentials", "authorization_code", "password"],
  scopes: ["read", "write", "admin"],
  redirectUris: [
    "https://app.example/cb",
    "http://127.0.0.1/cb",
    "com.example.app:/cb",
  ],
  tokenEndpointAuthMethods: ["spiffe_jwt", "spiffe_x509"],
} as const;
const someOf = <T>(values: readonly T[]) =>
  fc.subarray([...values], { minLength: 0 });
const allowances = fc.record({
  grantTypes: someOf(UNIVERSE.grantTypes),
  scopes: someOf(UNIVERSE.scopes),
  redirectUris: someOf(UNIVERSE.redirectUris),
  tokenEndpointAuthMethods: someOf(UNIVERSE.tokenEndpointAuthMethods),
  resources: fc.constant([]),
});
const bodies: fc.Arbitrary<JsonObject> = fc.record(
  {
    grant_types: someOf(UNIVERSE.grantTypes),
    scope: fc
      .subarray([...UNIVERSE.scopes], { minLength: 1 })
      .map((scopes) => scopes.join(" ")),
    redirect_uris: someOf(UNIVERSE.redirectUris),
    token_endpoint_auth_method: fc.constantFrom(
      ...UNIVERSE.tokenEndpointAuthMethods,
    ),
    application_type: fc.constantFrom("web", "native"),
  },
  { requiredKeys: [] },
);

test("allowing more never refuses more, allowing less never allows more", async () => {
  await fc.assert(
    fc.asyncProperty(
      bodies,
      allowances,
      allowances,
      async (body, less, extra) => {
        // Appended, since the order of a rule's grant types chooses the default.
        const more: PolicyAllowance = {
          grantTypes: union(less.grantTypes, extra.grantTypes),
          scopes: union(less.scopes, extra.scopes),
          redirectUris: union(less.redirectUris, extra.redirectUris),
          tokenEndpointAuthMethods: union(
            less.tokenEndpointAuthMethods,
            extra.tokenEndpointAuthMethods,
          ),
          resources: [],
        };
        const before = await decideOn({ body, rule: { allow: less } });
        const after = await decideOn({ body, rule: { allow: more } });
        assert.ok(!before.allow || after.allow);
      },
    ),
    { numRuns: 300 },
  );
});

test("what is allowed is within what the rule and the server allow", async () => {
  await fc.assert(
    fc.asyncProperty(bodies, allowances, async (body, allow) => {
      const decision = await decideOn({ body, rule: { allow } });
      if (!decision.allow) return;
      const { metadata } = decision;
      const within = (values: readonly string[], list: readonly string[]) =>
        assert.deepEqual(
          values.filter((value) => !list.includes(value)),
          [],
        );
      within(metadata.grant_types, allow.grantTypes);
      within(metadata.grant_types, SETTINGS.supportedGrantTypes);
      within(metadata.scope?.split(" ") ?? [], allow.scopes);
      within(metadata.redirect_uris ?? [], allow.redirectUris);
      const methods = [metadata.token_endpoint_auth_method];
      within(methods, allow.tokenEndpointAuthMethods);
      within(methods, SETTINGS.supportedAuthMethods);
    }),
    { numRuns: 300 },
  );
});

function union<T>(first: readonly T[], second: readonly T[]): readonly T[] {
  return [...new Set([...first, ...second])];
}

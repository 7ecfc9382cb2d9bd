import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "@accredit/core/json";
import type { PolicyRule } from "@accredit/core/registration";
import {
  propose,
  reasonsAgainst,
  RULE,
  SUBJECT,
  type Claims,
} from "./fixture.ts";

test("[META-02] [META-03] [META-04] [META-11] the least a client gets", async () => {
  const { metadata, provenance, problems } = await propose({});
  assert.deepEqual(problems, []);
  assert.deepEqual(metadata, {
    token_endpoint_auth_method: "spiffe_jwt",
    grant_types: ["client_credentials"],
    response_types: [],
    spiffe_id: SUBJECT,
  });
  assert.deepEqual(provenance, {
    token_endpoint_auth_method: "default",
    grant_types: "default",
    response_types: "default",
    spiffe_id: "attested",
  });
});

interface Row {
  readonly name: string;
  readonly claims?: Claims;
  readonly body?: JsonObject;
  readonly rule?: Partial<PolicyRule>;
  /** `value, origin` of members; undefined for one that is not there. */
  readonly gives: Readonly<
    Record<string, readonly [value: JsonValue, origin: string] | undefined>
  >;
}

async function holds(rows: readonly Row[]): Promise<void> {
  for (const { name, gives, ...situation } of rows) {
    const { metadata, provenance, problems } = await propose(situation);
    assert.deepEqual(problems, [], name);
    for (const [field, wanted] of Object.entries(gives)) {
      const got = Object.hasOwn(metadata, field)
        ? [metadata[field], provenance[field]]
        : undefined;
      assert.deepEqual(got, wanted, `${name}: ${field}`);
    }
  }
}

test("[DCR-03] [P01] attested over requested over template, whole values", () =>
  holds([
    {
      name: "all three",
      claims: { scope: "read", redirect_uris: ["https://x.example/"] },
      body: { scope: "write", redirect_uris: ["https://y.example/"] },
      rule: { template: { scope: "template" } },
      gives: {
        scope: ["read", "attested"],
        redirect_uris: [["https://x.example/"], "attested"],
      },
    },
    {
      name: "requested over template",
      body: { scope: "write" },
      rule: { template: { scope: "template" } },
      gives: { scope: ["write", "requested"] },
    },
    {
      name: "template where nobody else speaks",
      rule: { template: { scope: "template", contacts: ["ops"] } },
      gives: {
        scope: ["template", "template"],
        contacts: [["ops"], "template"],
      },
    },
    {
      name: "template over default",
      rule: { template: { token_endpoint_auth_method: "spiffe_x509" } },
      gives: { token_endpoint_auth_method: ["spiffe_x509", "template"] },
    },
    {
      name: "an attested empty list is a value",
      claims: { redirect_uris: [] },
      body: { redirect_uris: ["https://y.example/"] },
      gives: { redirect_uris: [[], "attested"] },
    },
    {
      name: "an ill-formed request that nobody hears",
      claims: { scope: "read" },
      body: { scope: { 0: "admin" } },
      gives: { scope: ["read", "attested"] },
    },
  ]));

test("[DCR-04] what is attested settles its variants, its counterpart and what derives from it", () =>
  holds([
    {
      name: "name variants of the body",
      claims: { client_name: "Billing" },
      body: { "client_name#de": "Admin", "logo_uri#de": "https://x.example/l" },
      gives: {
        client_name: ["Billing", "attested"],
        "client_name#de": undefined,
        "logo_uri#de": ["https://x.example/l", "requested"],
      },
    },
    {
      name: "variants of the links",
      claims: {
        logo_uri: "https://a.example/",
        client_uri: "https://a.example/",
        tos_uri: "https://a.example/",
        policy_uri: "https://a.example/",
      },
      body: {
        "logo_uri#de": "https://b.example/",
        "client_uri#de": "https://b.example/",
        "tos_uri#de": "https://b.example/",
        "policy_uri#de": "https://b.example/",
      },
      gives: {
        "logo_uri#de": undefined,
        "client_uri#de": undefined,
        "tos_uri#de": undefined,
        "policy_uri#de": undefined,
      },
    },
    {
      name: "one language, spelt in two ways",
      claims: { "client_name#de-CH": "Rechnung" },
      body: { "client_name#DE-ch": "Admin" },
      gives: {
        "client_name#de-CH": ["Rechnung", "attested"],
        "client_name#DE-ch": undefined,
      },
    },
    {
      name: "jwks_uri beside attested jwks",
      claims: { jwks: { keys: [{ kty: "OKP", x: "AA" }] } },
      body: { jwks_uri: "https://x.example/jwks" },
      gives: { jwks_uri: undefined },
    },
    {
      name: "jwks beside attested jwks_uri",
      claims: { jwks_uri: "https://x.example/jwks" },
      body: { jwks: { keys: [{ kty: "OKP", x: "AA" }] } },
      rule: { template: { jwks: { keys: [{ kty: "OKP", x: "BB" }] } } },
      gives: { jwks: undefined },
    },
    {
      name: "response_types of the body beside attested grant_types",
      claims: { grant_types: ["client_credentials"] },
      body: { response_types: ["code"] },
      gives: { response_types: [[], "default"] },
    },
    {
      name: "response_types derived from attested authorization_code",
      claims: {
        grant_types: ["authorization_code"],
        redirect_uris: ["https://app.example/cb"],
      },
      body: { response_types: ["token"] },
      gives: { response_types: [["code"], "default"] },
    },
    {
      name: "response_types attested beside attested grant_types",
      claims: { grant_types: ["client_credentials"], response_types: [] },
      gives: { response_types: [[], "attested"] },
    },
    {
      name: "a template's response_types under requested grant_types",
      body: { grant_types: ["client_credentials"] },
      rule: { template: { response_types: ["code"] } },
      gives: { response_types: [[], "default"] },
    },
  ]));

test("[P02] what only the credential or the template may give is dropped from the body", () =>
  holds([
    {
      name: "dropped, none else",
      body: { scope: "write" },
      rule: { attestedOnly: ["scope"] },
      gives: { scope: undefined },
    },
    {
      name: "the template fills it",
      body: { scope: "write" },
      rule: { attestedOnly: ["scope"], template: { scope: "read" } },
      gives: { scope: ["read", "template"] },
    },
    {
      name: "its language variants too",
      body: { client_name: "Admin", "client_name#de": "Admin" },
      rule: { attestedOnly: ["client_name"] },
      gives: { client_name: undefined, "client_name#de": undefined },
    },
    {
      name: "one variant alone",
      body: { "client_name#DE": "Admin", "client_name#fr": "Agent" },
      rule: { attestedOnly: ["client_name#de"] },
      gives: {
        "client_name#DE": undefined,
        "client_name#fr": ["Agent", "requested"],
      },
    },
    {
      name: "its counterpart",
      body: { jwks_uri: "https://x.example/jwks" },
      rule: { attestedOnly: ["jwks"] },
      gives: { jwks_uri: undefined },
    },
    {
      name: "what derives from it",
      body: {
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
      rule: { attestedOnly: ["grant_types"] },
      gives: {
        grant_types: [["client_credentials"], "default"],
        response_types: [[], "default"],
      },
    },
  ]));

test("[M08] no scope unless somebody names one", async () => {
  const { metadata } = await propose({
    rule: { allow: { ...RULE.allow, scopes: ["admin"] } },
  });
  assert.equal(Object.hasOwn(metadata, "scope"), false);
});

test("[META-02] [META-03] the defaults are what both the rule and the server allow", async () => {
  const { allow } = RULE;
  const { metadata } = await propose({
    rule: {
      allow: {
        ...allow,
        grantTypes: ["refresh_token", "client_credentials"],
        tokenEndpointAuthMethods: ["spiffe_wit", "spiffe_x509", "spiffe_jwt"],
      },
    },
  });
  assert.deepEqual(metadata["grant_types"], ["client_credentials"]);
  assert.equal(metadata["token_endpoint_auth_method"], "spiffe_jwt");
  const x509 = await propose({
    rule: { allow: { ...allow, tokenEndpointAuthMethods: ["spiffe_x509"] } },
  });
  assert.equal(x509.metadata["token_endpoint_auth_method"], "spiffe_x509");
});

test("[DCR-07] [P05] a name that is none, however alike it looks, is dropped", async () => {
  const body = {
    Redirect_URIs: ["javascript:alert(1)"],
    REDIRECT_URIS: ["javascript:alert(1)"],
    "sc\u03bfpe": "admin",
    "scope ": "admin",
    " scope": "admin",
    scope_: "admin",
    "scope#de": "admin",
    "redirect_uris#de": ["javascript:alert(1)"],
    "client_name#": "x",
    "client_name#d": "x",
    "client_name#de#fr": "x",
    "client_name#de ": "x",
    "client_name#d\u00e9": "x",
    [`client_name#de-${"a-".repeat(20)}a`]: "x",
    "#de": "x",
    default_max_age: -1,
    sector_identifier_uri: "https://127.0.0.1/",
    request_uris: ["https://127.0.0.1/"],
    constructor: "x",
    toString: "x",
    "": "x",
  };
  const expected = (await propose({})).metadata;
  assert.deepEqual((await propose({ body })).metadata, expected);
  assert.deepEqual((await propose({ claims: body })).metadata, expected);
  const proto = JSON.parse('{"__proto__":{"scope":"admin"}}') as JsonObject;
  const merged = (await propose({ body: proto })).metadata;
  assert.deepEqual(merged, expected);
  assert.equal(merged["scope"], undefined);
});

test("[DCR-08] [R11] [META-15] what the server or the JWT owns is heard from nobody", async () => {
  const owned = {
    client_id: "spiffe://example.org/ns/prod/agent/other",
    client_secret: "x",
    client_secret_expires_at: 0,
    client_id_issued_at: 1,
    registration_access_token: "x",
    registration_client_uri: "https://evil.example/",
    accredit_provenance: { scope: "attested" },
    accredit_resources: ["https://other.example"],
    resources: ["https://other.example"],
    kind: "x",
    clientId: "x",
  };
  const expected = await propose({});
  const claims = {
    ...owned,
    jti: "x",
    nbf: 1,
    cnf: { jkt: "x" },
    vc: "admin",
    status: {},
    software_statement: "x.y.z",
  };
  const body = {
    ...owned,
    iss: "x",
    sub: "spiffe://example.org/x",
    aud: "x",
    exp: 1,
    iat: 1,
  };
  const merged = await propose({ claims, body });
  assert.deepEqual(merged.metadata, expected.metadata);
  assert.deepEqual(merged.provenance, expected.provenance);
  assert.deepEqual(merged.problems, []);
});

test("[META-11] [AMB-21] spiffe_id is the attested one, and no other may be claimed", async () => {
  for (const source of ["claims", "body"] as const) {
    const { metadata, provenance, problems } = await propose({
      [source]: { spiffe_id: SUBJECT },
    });
    assert.deepEqual(problems, []);
    assert.equal(metadata["spiffe_id"], SUBJECT);
    assert.equal(provenance["spiffe_id"], "attested");
    for (const spiffe_id of [
      "spiffe://example.org/ns/prod/agent/other",
      "spiffe://example.org/ns/prod/agent/*",
      "spiffe://example.org/*",
      `${SUBJECT}/`,
      SUBJECT.toUpperCase(),
      "",
      7,
      null,
      [SUBJECT],
    ]) {
      const other = await propose({ [source]: { spiffe_id } });
      assert.equal(other.metadata["spiffe_id"], SUBJECT);
      assert.deepEqual(
        other.problems.map(({ code, field }) => [code, field]),
        [["metadata_invalid", "spiffe_id"]],
      );
    }
  }
  const filled = await propose({
    rule: { template: { spiffe_id: "spiffe://example.org/other" } },
  });
  assert.equal(filled.metadata["spiffe_id"], SUBJECT);
});

test("[DCR-TI-08] [M10] a secret, or none at all, is not to be asked for by anyone", async () => {
  for (const method of [
    "none",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "client_secret_unheard_of",
  ]) {
    const asked = { token_endpoint_auth_method: method };
    const expected = ["metadata_invalid token_endpoint_auth_method"];
    for (const situation of [
      { body: asked },
      { claims: asked },
      // Not even where it would be overridden, or not heard.
      { body: asked, claims: { token_endpoint_auth_method: "spiffe_jwt" } },
      {
        body: asked,
        rule: { attestedOnly: ["token_endpoint_auth_method"] },
      },
    ]) {
      assert.deepEqual(await reasonsAgainst(situation), expected, method);
    }
  }
});

test("[META-04] [META-01] [META-09] [META-13] rules between fields", async () => {
  const code = {
    grant_types: ["authorization_code"],
    redirect_uris: ["https://app.example/cb"],
  };
  const RT = "metadata_invalid response_types";
  const RU = "redirect_uri_invalid redirect_uris";
  const rows: readonly (readonly [JsonObject, readonly string[]])[] = [
    [code, []],
    [{ ...code, response_types: ["code"] }, []],
    [{ ...code, response_types: [] }, [RT]],
    [{ ...code, response_types: ["token"] }, [RT]],
    [{ ...code, response_types: ["code", "token"] }, [RT]],
    [{ ...code, response_types: ["code token"] }, [RT]],
    [{ response_types: ["code"] }, [RT]],
    [{ grant_types: ["authorization_code"] }, [RU]],
    [{ ...code, redirect_uris: [] }, [RU]],
    [{ ...code, application_type: "web" }, []],
    [
      {
        redirect_uris: ["http://127.0.0.1:1234/cb"],
        application_type: "native",
      },
      [],
    ],
    [
      { redirect_uris: ["http://127.0.0.1:1234/cb"], application_type: "web" },
      [RU],
    ],
    [
      {
        redirect_uris: ["http://localhost/cb", "https://app.example/cb"],
        application_type: "web",
      },
      [RU],
    ],
    [{ redirect_uris: ["com.example.app:/cb"], application_type: "web" }, [RU]],
    [{ redirect_uris: ["http://[::1]/cb"] }, []],
    [
      {
        jwks_uri: "https://x.example/jwks",
        jwks: { keys: [{ kty: "OKP", x: "AA" }] },
      },
      ["metadata_invalid jwks_uri"],
    ],
  ];
  for (const [body, expected] of rows) {
    const { problems } = await propose({ body });
    assert.deepEqual(
      problems.map((problem) => `${problem.code} ${problem.field}`),
      expected,
      JSON.stringify(body),
    );
    // The rule holds on the merged result, whoever gave the parts.
    const attested = await propose({ claims: body });
    assert.equal(attested.problems.length, expected.length);
  }
});

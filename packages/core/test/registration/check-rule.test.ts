import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonValue } from "@accredit/core/json";
import { checkPolicyRule, type PolicyRule } from "@accredit/core/registration";
import { parseSpiffeIdPattern } from "@accredit/core/spiffe";
import { decideOn, RULE } from "./fixture.ts";

const paths = (change: Partial<PolicyRule>): readonly string[] =>
  checkPolicyRule({ ...RULE, ...change }).map(({ path }) => path);
const template = (
  field: string,
  value: JsonValue,
  subject = RULE.match.subject.text,
): readonly string[] =>
  paths({
    match: { trust: "example.org", subject: parseSpiffeIdPattern(subject) },
    template: { [field]: value },
  });

test("a rule without mistakes has no problems", () => {
  assert.deepEqual(checkPolicyRule(RULE), []);
  assert.deepEqual(
    paths({
      attestedOnly: ["scope", "client_name", "client_name#de"],
      template: {
        client_name: "Agent {path[3]}",
        "client_name#de": "Agent {path} aus {trust_domain}",
        software_id: "{spiffe_id}",
        scope: "read write",
        redirect_uris: ["http://127.0.0.1:9/cb"],
        tls_client_certificate_bound_access_tokens: false,
        jwks: { keys: [{ kty: "OKP", x: "AA" }] },
      },
    }),
    [],
  );
});

test("names of metadata that does not exist", () => {
  assert.deepEqual(
    paths({
      attestedOnly: ["scope", "scopes", "Scope", "client_id", "constructor"],
    }),
    [1, 2, 3, 4].map((index) => `attested_only[${index}]`),
  );
  for (const name of [
    "nonsense",
    "client_id",
    "client_secret",
    "spiffe_id",
    "Scope",
    "scope#de",
    "constructor",
    "software_statement",
  ])
    assert.deepEqual(template(name, "x"), [`template.${name}`]);
});

test("[P10] placeholders that mean nothing, or nothing for the subjects of the rule", () => {
  for (const text of [
    "{}",
    "{nonsense}",
    "{Path}",
    "{path }",
    "{path[]}",
    "{path[-1]}",
    "{path[01]}",
    "{path[100]}",
    "{path[x]}",
    "{constructor}",
    "{path[0]",
    "path[0]}",
    "{{path[0]}}",
  ]) {
    assert.ok(template("client_name", text).length > 0, text);
    assert.ok(template("contacts", ["ops", text]).length > 0, text);
  }
  const closed = "spiffe://example.org/ns/*";
  assert.deepEqual(template("client_name", "{path[1]}", closed), []);
  assert.deepEqual(template("client_name", "{path[2]}", closed), [
    "template.client_name",
  ]);
  const open = "spiffe://example.org/ns/**";
  assert.deepEqual(template("client_name", "{path[9]}", open), []);
});

test("template values that are ill-formed, or that their own rule refuses", () => {
  for (const [field, value] of [
    ["scope", "read  write"],
    ["scope", "admin"],
    ["scope", ["read"]],
    ["redirect_uris", "https://app.example/cb"],
    ["redirect_uris", ["http://app.example/cb"]],
    ["redirect_uris", ["https://other.example/cb"]],
    ["grant_types", ["password"]],
    ["token_endpoint_auth_method", "spiffe_wit"],
    ["token_endpoint_auth_method", "client_secret_basic"],
    ["client_name", ""],
    ["contacts", true],
    ["contacts", [{}]],
    ["contacts", [[]]],
    ["response_types", ["code"]],
    ["tls_client_certificate_bound_access_tokens", true],
    ["jwks", { keys: [{ kty: "oct", k: "AA" }] }],
  ] as const)
    assert.deepEqual(
      template(field, value),
      [`template.${field}`],
      `${field} ${JSON.stringify(value)}`,
    );
});

test("template values that refuse each other", () => {
  const EC = { keys: [{ kty: "EC", x: "AA" }] };
  for (const [given, expected] of [
    [{ jwks: EC, jwks_uri: "https://app.example/jwks" }, "jwks_uri"],
    [
      { application_type: "web", redirect_uris: ["http://127.0.0.1/cb"] },
      "redirect_uris",
    ],
    [
      { grant_types: ["authorization_code"], redirect_uris: [] },
      "redirect_uris",
    ],
    [
      { grant_types: ["authorization_code"], response_types: [] },
      "response_types",
    ],
    [
      { grant_types: ["client_credentials"], response_types: ["code"] },
      "response_types",
    ],
    [{ "client_name#de": "a", "client_name#DE": "b" }, "client_name#DE"],
  ] as const)
    assert.deepEqual(paths({ template: given }), [`template.${expected}`]);
  // What a client, or its SPIFFE ID, may still add is not missing.
  for (const given of [
    { grant_types: ["authorization_code"] },
    { grant_types: ["{path[0]}"], response_types: ["code"] },
    { application_type: "web" },
  ])
    assert.deepEqual(paths({ template: given }), [], JSON.stringify(given));
});

test("[META-14] certificate-bound tokens, where the server serves mutual TLS", () => {
  const rule = {
    ...RULE,
    template: { tls_client_certificate_bound_access_tokens: true },
  };
  const server = { supportsCertificateBoundTokens: true };
  assert.deepEqual(checkPolicyRule(rule, server), []);
  assert.equal(checkPolicyRule(rule).length, 1);
});

const names = fc.constantFrom(
  "redirect_uris",
  "token_endpoint_auth_method",
  "grant_types",
  "response_types",
  "scope",
  "client_name",
  "client_name#de",
  "client_name#DE",
  "logo_uri",
  "contacts",
  "jwks",
  "jwks_uri",
  "application_type",
  "spiffe_id",
  "tls_client_certificate_bound_access_tokens",
  "__proto__",
  "constructor",
);
const values = fc.oneof(
  fc.constantFrom<JsonValue>(
    "read",
    "https://app.example/cb",
    "spiffe_x509",
    "web",
    "{path[1]}",
    true,
    ["https://app.example/cb"],
    ["http://127.0.0.1/cb"],
    ["authorization_code"],
    ["client_credentials"],
    ["code"],
    [],
    { keys: [{ kty: "OKP", x: "AA" }] },
  ),
  fc.jsonValue().map((value) => value as JsonValue),
);
const members: fc.Arbitrary<readonly (readonly [string, JsonValue])[]> =
  fc.array(fc.tuple(names, values), { maxLength: 4 });

test("[P10] a rule without problems refuses no client for a literal of its template", async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(members, async (entries) => {
      const rule = { ...RULE, template: Object.fromEntries(entries) };
      if (checkPolicyRule(rule).length > 0) return;
      accepted++;
      const decision = await decideOn({ rule });
      const literal = Object.entries(rule.template)
        .filter(([, value]) => !JSON.stringify(value).includes("{path"))
        .map(([name]) => name);
      assert.deepEqual(
        decision.allow
          ? []
          : decision.reasons.filter(({ field }) => literal.includes(field)),
        [],
      );
    }),
    { numRuns: 1000 },
  );
  assert.ok(accepted > 50, `only ${accepted} rules were without problems`);
});

test("all problems at once, each with what was expected", () => {
  const problems = checkPolicyRule({
    ...RULE,
    attestedOnly: ["nonsense"],
    template: { scope: 7, client_name: "{x} and {y}", other: "x" },
  });
  assert.deepEqual(
    problems.map(({ path }) => path),
    [
      "attested_only[0]",
      "template.scope",
      "template.client_name",
      "template.client_name",
      "template.other",
    ],
  );
  for (const { problem, expected } of problems) {
    assert.notEqual(problem, "");
    assert.notEqual(expected, "");
  }
});

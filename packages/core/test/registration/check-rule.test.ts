import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "@accredit/core/json";
import { checkPolicyRule, type PolicyRule } from "@accredit/core/registration";
import { parseSpiffeIdPattern } from "@accredit/core/spiffe";
import { RULE } from "./fixture.ts";

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
    ["jwks", { keys: [{ kty: "oct", k: "AA" }] }],
  ] as const)
    assert.deepEqual(
      template(field, value),
      [`template.${field}`],
      `${field} ${JSON.stringify(value)}`,
    );
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

import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELD_TABLES } from "./field-tables.ts";
import { propose, short } from "./fixture.ts";

/** Every value of a field's table, as the request body gives it. */
async function judges(name: string): Promise<void> {
  const table = FIELD_TABLES.find(({ field }) => field === name);
  assert.ok(table !== undefined, name);
  const { good, bad, code = "metadata_invalid" } = table;
  for (const value of good) {
    const { metadata, problems } = await propose({ body: { [name]: value } });
    assert.deepEqual(problems, [], short(value));
    assert.deepEqual(metadata[name], value);
  }
  for (const value of bad) {
    const { problems } = await propose({ body: { [name]: value } });
    assert.deepEqual(
      problems.map((problem) => [problem.code, problem.field]),
      [[code, name]],
      short(value),
    );
    const message = problems[0]?.message ?? "";
    assert.match(message, /^[\x20-\x7e]{1,400}$/);
    assert.match(message, /: expected .*, got /);
  }
}

test("[META-01] [M01] [M02] redirect_uris", () => judges("redirect_uris"));
test("[META-02] token_endpoint_auth_method", () =>
  judges("token_endpoint_auth_method"));
test("[META-03] [P07] grant_types", () => judges("grant_types"));
test("[META-04] [P07] response_types", () => judges("response_types"));
test("[META-05] [M08] scope", () => judges("scope"));
test("[META-06] client_name", () => judges("client_name"));
test("[META-06] client_name#de-CH", () => judges("client_name#de-CH"));
test("[META-07] [M13] client_uri", () => judges("client_uri"));
test("[META-07] [M13] logo_uri", () => judges("logo_uri"));
test("[META-07] [M13] tos_uri", () => judges("tos_uri"));
test("[META-07] [M13] policy_uri", () => judges("policy_uri"));
test("[META-07] [M13] logo_uri#ja", () => judges("logo_uri#ja"));
test("[META-08] [M14] contacts", () => judges("contacts"));
test("[META-09] [F07] jwks_uri", () => judges("jwks_uri"));
test("[META-09] [M11] jwks", () => judges("jwks"));
test("[META-10] software_id", () => judges("software_id"));
test("[META-10] software_version", () => judges("software_version"));
test("[META-12] [AMB-05] spiffe_bundle_endpoint", () =>
  judges("spiffe_bundle_endpoint"));
test("[META-13] application_type", () => judges("application_type"));
test("[META-14] tls_client_certificate_bound_access_tokens", () =>
  judges("tls_client_certificate_bound_access_tokens"));

test("[P10] [DCR-TI-14] a value is judged alike whether attested, requested or from the template", async () => {
  for (const { field, code = "metadata_invalid", bad } of FIELD_TABLES) {
    for (const value of bad) {
      if (JSON.stringify(value).length > 4000) continue;
      const expected = [[code, field]];
      const attested = await propose({ claims: { [field]: value } });
      const filled = await propose({ rule: { template: { [field]: value } } });
      for (const { problems } of [attested, filled]) {
        assert.deepEqual(
          problems.map((problem) => [problem.code, problem.field]),
          expected,
          `${field} ${short(value)}`,
        );
      }
    }
  }
});

test("[META-06] at most 32 language variants, each language once", async () => {
  const variants = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`client_name#de-${i}0`, "x"]),
    );
  assert.deepEqual((await propose({ body: variants(32) })).problems, []);
  const many = await propose({ body: { ...variants(900), scope: "read" } });
  assert.deepEqual(
    many.problems.map(({ field }) => field),
    ["client_name"],
  );
  assert.equal(many.metadata["scope"], "read");
  const twice = await propose({
    body: { "client_name#de": "a", "client_name#DE": "b" },
  });
  assert.deepEqual(
    twice.problems.map(({ field }) => field),
    ["client_name#DE"],
  );
});

test("[META-14] certificate-bound tokens where the server serves mutual TLS", async () => {
  const field = "tls_client_certificate_bound_access_tokens";
  const { metadata, problems } = await propose({
    body: { [field]: true },
    settings: { supportsCertificateBoundTokens: true },
  });
  assert.deepEqual(problems, []);
  assert.equal(metadata[field], true);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { startAccredit } from "./running-accredit.ts";

const read = async (url: string): Promise<Record<string, unknown>> =>
  (await (await fetch(url)).json()) as Record<string, unknown>;

test("[ASM-02] [ASM-03] [ASM-09] [ASM-10] the metadata names what is served, under both well-known names, and invents nothing", async (t) => {
  const { issuer } = await startAccredit(t);
  const metadata = await read(
    `${issuer}/.well-known/oauth-authorization-server`,
  );
  assert.deepEqual(
    await read(`${issuer}/.well-known/openid-configuration`),
    metadata,
  );
  for (const name of [
    "issuer",
    "token_endpoint",
    "registration_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "jwks_uri",
  ])
    assert.ok(String(metadata[name]).startsWith(issuer), name);
  assert.deepEqual(metadata["grant_types_supported"], ["client_credentials"]);
  assert.deepEqual(metadata["scopes_supported"], ["read", "write"]);
  const methods = ["spiffe_jwt"];
  for (const endpoint of ["token", "introspection", "revocation"])
    assert.deepEqual(
      metadata[`${endpoint}_endpoint_auth_methods_supported`],
      methods,
    );
  for (const name of Object.keys(metadata))
    assert.doesNotMatch(name, /spiffe|trust|accredit/);
});

test("[ASM-04] with private_key_jwt the algorithms of client assertions are listed, and none is not", async (t) => {
  const { issuer } = await startAccredit(t, {
    trust: `  - kind: vc
    issuer: did:web:issuer.example
    keys: { did: true }
    required: false`,
    policy: `
  - name: partners
    match: { trust: "did:web:issuer.example", subject: "*" }
    allow: { grant_types: [client_credentials], token_endpoint_auth_methods: [private_key_jwt] }`,
  });
  const metadata = await read(
    `${issuer}/.well-known/oauth-authorization-server`,
  );
  assert.deepEqual(metadata["token_endpoint_auth_methods_supported"], [
    "spiffe_jwt",
    "private_key_jwt",
  ]);
  const algorithms = metadata[
    "token_endpoint_auth_signing_alg_values_supported"
  ] as readonly string[];
  assert.ok(algorithms.includes("ES256") && algorithms.includes("EdDSA"));
  assert.ok(!algorithms.some((each) => /^(none|HS)/.test(each)));
});

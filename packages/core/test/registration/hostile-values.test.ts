import assert from "node:assert/strict";
import { test } from "node:test";
import { DcrError } from "@accredit/core/errors";
import { parseStrictJson, type JsonObject } from "@accredit/core/json";
import { checkPolicyRule } from "@accredit/core/registration";
import {
  makePorts,
  propose,
  registerWith,
  RULE,
  statementWith,
} from "./fixture.ts";

/** A body as the wire layer reads it. */
function parsed(json: string): JsonObject {
  const bytes = new TextEncoder().encode(json);
  const value = parseStrictJson(bytes, { maxBytes: 65_536, maxDepth: 32 });
  assert.ok(value !== null && typeof value === "object");
  return value as JsonObject;
}

test("[P05] [P07] names of Object.prototype are names like any other", async () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  for (const name of names) {
    const key = JSON.stringify(name);
    const { store, ports } = makePorts();
    const body = parsed(
      `{${key}: {"scope": "admin"}, "client_name": "Alice", "jwks": {"keys": [{"kty": "OKP", "x": "AA", ${key}: {"d": 1}}]}}`,
    );
    const statement = await statementWith({ [name]: { scope: "admin" } });
    const { client } = await registerWith(ports, {
      body: { ...body, software_statement: statement },
    });
    assert.equal(client.metadata.scope, undefined, name);
    assert.equal(Object.getPrototypeOf(client.metadata), Object.prototype);
    assert.deepEqual(Object.keys(client.metadata).toSorted(), [
      "client_name",
      "grant_types",
      "jwks",
      "response_types",
      "spiffe_id",
      "token_endpoint_auth_method",
    ]);
    // What is stored is what is sent back, byte for byte.
    assert.equal(JSON.stringify(store.clients), JSON.stringify([client]), name);
  }
  assert.equal(({} as Record<string, unknown>)["scope"], undefined);
});

test("[P05] a template and attested_only cannot reach Object.prototype", async () => {
  const template = JSON.parse('{"__proto__": "x"}') as Record<string, string>;
  const rule = { ...RULE, template, attestedOnly: ["__proto__", "toString"] };
  assert.deepEqual(
    checkPolicyRule(rule).map(({ path }) => path),
    ["attested_only[0]", "attested_only[1]", "template.__proto__"],
  );
  const { metadata, problems } = await propose({ rule });
  assert.equal(metadata["scope"], undefined);
  assert.deepEqual(
    problems.map(({ field }) => field),
    ["__proto__"],
  );
});

test("[M08] [SEC-06] values as large as a body may be are refused in short", async () => {
  const many = Array.from({ length: 12_000 }, (_, index) => `v${index}`);
  const deep = `${"[".repeat(25)}${"]".repeat(25)}`;
  const bodies: readonly JsonObject[] = [
    ...["redirect_uris", "grant_types", "response_types", "contacts"].map(
      (field) => ({ [field]: many }),
    ),
    { scope: many.join(" ") },
    { jwks: { keys: many } },
    { jwks: parsed(`{"keys": [{"kty": "EC", "x": ${deep}, "d": "AA"}]}`) },
    { contacts: [parsed(`[${deep}]`)] },
    { client_name: "x".repeat(60_000) },
    { token_endpoint_auth_method: "client_secret".repeat(4000) },
    { grant_types: Array.from({ length: 64 }, (_, i) => `\\"${i}`) },
  ];
  for (const body of bodies) {
    const { store, ports } = makePorts();
    const [outcome] = await Promise.allSettled([registerWith(ports, { body })]);
    const name = Object.keys(body).join();
    assert.ok(outcome.status === "rejected", name);
    assert.ok(outcome.reason instanceof DcrError, name);
    assert.match(outcome.reason.message, /^[\x20-\x7e]{1,1000}$/, name);
    const [row] = await store.readAudit({ limit: 1 });
    assert.ok(JSON.stringify(row).length < 4000, name);
  }
});

test("[META-04] [META-03] no grant type, and redirect URIs without a use for them, do no harm", async () => {
  const { ports } = makePorts();
  const { client } = await registerWith(ports, {
    body: { grant_types: [], redirect_uris: ["https://app.example/cb"] },
  });
  assert.deepEqual(client.metadata.grant_types, []);
  assert.deepEqual(client.metadata.response_types, []);
  assert.deepEqual(client.metadata.redirect_uris, ["https://app.example/cb"]);
});

test("[DCR-TI-16] a null or repeated statement is none to fall back from", async () => {
  for (const software_statement of [null, [await statementWith()], false]) {
    const { store, ports } = makePorts();
    const body = { software_statement, client_name: "Alice" };
    await assert.rejects(registerWith(ports, { body }), {
      code: "statement_malformed",
    });
    assert.deepEqual(store.clients, []);
  }
});

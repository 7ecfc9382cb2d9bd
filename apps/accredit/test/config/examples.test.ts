import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../../src/config/index.ts";

const DIRECTORY = join(import.meta.dirname, "../../../../examples");
const FILES = readdirSync(DIRECTORY).filter((name) =>
  /\.(ya?ml|json)$/.test(name),
);

for (const name of FILES) {
  test(`examples/${name} is a valid configuration without notices`, async () => {
    assert.deepEqual((await loadConfig(join(DIRECTORY, name))).notices, []);
  });
}

test("examples: those for SPIRE work with one that sets no iss, and their templates give everything", async () => {
  const forSpire = FILES.filter((name) => name.startsWith("spire-"));
  assert.ok(forSpire.length >= 2);
  for (const name of forSpire) {
    const { trust, policy } = await loadConfig(join(DIRECTORY, name));
    assert.deepEqual(
      trust.map(({ issuer }) => issuer.mode),
      ["if_present"],
    );
    for (const { template, attestedOnly } of policy) {
      for (const field of [
        "client_name",
        "grant_types",
        "token_endpoint_auth_method",
      ]) {
        assert.ok(Object.hasOwn(template, field), `${name}: ${field}`);
        assert.ok(attestedOnly.includes(field), `${name}: ${field}`);
      }
    }
  }
});

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig, parseConfig } from "../../src/config/index.ts";
import { quickstartConfig } from "../../src/quickstart/config.ts";

const DIRECTORY = join(import.meta.dirname, "../../../../examples");
const FILES = readdirSync(DIRECTORY).filter((name) =>
  /\.(ya?ml|json)$/.test(name),
);

for (const name of FILES) {
  test(`examples/${name} is a valid configuration`, async () => {
    const { notices } = await loadConfig(join(DIRECTORY, name));
    // What is weak in the quick start belongs to a trial on one machine, and is said at start.
    assert.deepEqual(
      notices.map((notice) => notice.split(": ")[0]),
      name === "quickstart.yaml"
        ? [
            "issuer",
            "trust[0].bundle.allow_private_addresses",
            "trust[1].keys.allow_private_addresses",
          ]
        : [],
    );
  });
}

test("examples/quickstart.yaml is what npm start runs with", async () => {
  const dir = join(DIRECTORY, "../data/quickstart");
  assert.deepEqual(
    await loadConfig(join(DIRECTORY, "quickstart.yaml")),
    parseConfig(
      quickstartConfig({
        issuer: "http://127.0.0.1:8700",
        port: 8700,
        adminPort: 8701,
        bundleUrl: "https://127.0.0.1:8702/bundle.json",
        credentialIssuer: "did:web:localhost%3A8704",
        caFile: join(dir, "trust-domain/ca.pem"),
      }),
      { baseDir: dir },
    ),
  );
});

test("examples: those for SPIRE work with one that sets no iss, and their templates give everything", async () => {
  const forSpire = FILES.filter((name) => name.startsWith("spire-"));
  assert.ok(forSpire.length >= 2);
  for (const name of forSpire) {
    const { trust, policy } = await loadConfig(join(DIRECTORY, name));
    assert.ok(
      trust.every(({ issuer }) => issuer.mode === "if_present"),
      name,
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

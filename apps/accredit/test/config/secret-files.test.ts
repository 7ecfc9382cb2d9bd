import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, parseConfig } from "../../src/config/index.ts";

test("[L01] a secret handed over as the configuration is refused without being shown", () => {
  for (const secret of [
    "abcdefghijklmnopqrstuvwxyz012345",
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n",
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzcGlmZmU6Ly9hL2IifQ.c2lnbmF0dXJl",
  ]) {
    assert.throws(
      () => parseConfig(secret, { baseDir: "/" }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        const said = JSON.stringify(error.problems) + error.message;
        assert.ok(
          !said.includes(secret.slice(30, 50).trim()) || secret.length < 40,
          said,
        );
        assert.ok(!said.includes(secret.slice(0, 20)), said);
        return true;
      },
    );
  }
});

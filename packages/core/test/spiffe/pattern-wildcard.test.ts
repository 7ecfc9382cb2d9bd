import assert from "node:assert/strict";
import { test } from "node:test";
import {
  meetsSpiffeIdWildcard,
  parseSpiffeIdPattern,
  parseSpiffeIdWildcard,
} from "@accredit/core/spiffe";

for (const [pattern, wildcard, expected] of [
  ["spiffe://example.org/a/b", "spiffe://example.org/a/*", true],
  ["spiffe://example.org/a/b/c", "spiffe://example.org/a/*", true],
  ["spiffe://example.org/a", "spiffe://example.org/a/*", false],
  ["spiffe://example.org/*", "spiffe://example.org/a/*", false],
  ["spiffe://example.org/*/b", "spiffe://example.org/a/*", true],
  ["spiffe://example.org/**", "spiffe://example.org/a/b/*", true],
  ["spiffe://example.org/b/**", "spiffe://example.org/a/b/*", false],
  ["spiffe://example.org/a/b/c/**", "spiffe://example.org/a/*", true],
  ["spiffe://example.org/a/*/c", "spiffe://example.org/a/b/*", true],
  ["spiffe://example.org/a/*/c", "spiffe://example.org/a/b/c/*", false],
  ["spiffe://other.example/a/b", "spiffe://example.org/a/*", false],
] as const)
  test(`${pattern} ${expected ? "meets" : "does not meet"} ${wildcard}`, () => {
    const meets = meetsSpiffeIdWildcard(
      parseSpiffeIdPattern(pattern),
      parseSpiffeIdWildcard(wildcard),
    );
    assert.equal(meets, expected);
  });

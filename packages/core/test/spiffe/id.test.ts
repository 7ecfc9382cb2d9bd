import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DcrError } from "@accredit/core/errors";
import { parseSpiffeId, parseTrustDomainName } from "@accredit/core/spiffe";

const ACCEPTED = [
  "spiffe://example.org/a",
  "spiffe://example.org/a/b-c_d.e/F9",
  "spiffe://1.2.3.4/a",
  "spiffe://a_b.c-d/x",
  "spiffe://td/.path",
  "spiffe://td/..path",
  "spiffe://td/...",
  "spiffe://td/a..b",
  "spiffe://a..b/x",
  "spiffe://.td/x",
  `spiffe://${"a".repeat(255)}/x`,
  `spiffe://td/${"a".repeat(2048 - 12)}`,
];

const REFUSED = [
  "",
  "s",
  "spiffe:/",
  "spiffe://",
  "spiffe:///a",
  "spiffe:td/a",
  "spiffe:/td/a",
  "Spiffe://td/a",
  "SPIFFE://td/a",
  "http://td/a",
  "spiffe://TD/a",
  "spiffe://td/",
  "spiffe://td//",
  "spiffe://td//a",
  "spiffe://td/a/",
  "spiffe://td/a//b",
  "spiffe://td/.",
  "spiffe://td/..",
  "spiffe://td/./a",
  "spiffe://td/a/../b",
  "spiffe://td/a/..",
  "spiffe://td/%61",
  "spiffe://td/%2e%2e/b",
  "spiffe://td/a%2Fb",
  "spiffe://td/a%00",
  "spiffe://%74d/a",
  "spiffe://td:443/a",
  "spiffe://td:/a",
  "spiffe://u@td/a",
  "spiffe://@td/a",
  "spiffe://u:p@td/a",
  "spiffe://td/a?x",
  "spiffe://td/a?",
  "spiffe://td/a#f",
  "spiffe://td/a#",
  " spiffe://td/a",
  "spiffe://td/a\n",
  "spiffe://td/a\r\n",
  "spiffe://t\td/a",
  "spiffe://td/a\0",
  "spiffe://td\\evil/a",
  "spiffe://[::1]/a",
  "spiffe://td/\u00e9",
  "spiffe://t\u0430/a",
  "spiffe://td\uff0fa",
  "spiffe://td/a\u200d",
  "spiffe://td/a;b",
  "spiffe://td/*",
  "spiffe://td/~a",
  "spiffe://td/a:b",
  "spiffe://td/$x",
  "spiffe://td/a+b",
  "spiffe://td/a@b",
  "spiffe://t$d/a",
  `spiffe://${"a".repeat(256)}/x`,
  `spiffe://td/${"a".repeat(2049 - 12)}`,
];

test("[SID-01] [SID-06] accepts every well-formed SPIFFE ID and keeps its text as it is", () => {
  for (const text of ACCEPTED) {
    const id = parseSpiffeId(text);
    assert.equal(id.uri, text);
    assert.equal(`spiffe://${id.trustDomain}${id.path}`, text);
  }
  assert.equal(parseSpiffeId("spiffe://td").path, "");
  assert.notEqual(
    parseSpiffeId("spiffe://td/Path").path,
    parseSpiffeId("spiffe://td/path").path,
    "[SID-07]",
  );
});

test("[SID-02] [SID-03] [SID-04] [SID-05] [SID-08] refuses every other text, repairing nothing", () => {
  for (const text of REFUSED) {
    assert.throws(
      () => parseSpiffeId(text),
      { name: "DcrError", code: "spiffe_id_invalid" },
      JSON.stringify(text),
    );
  }
});

test("[SID-03] [SID-05] every byte at every position is judged by the grammar", () => {
  const base = "spiffe://td.x/ab/c";
  const grammar =
    /^spiffe:\/\/[a-z0-9._-]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*$/;
  for (let at = 0; at <= base.length; at++) {
    for (let code = 0; code < 256; code++) {
      const char = String.fromCharCode(code);
      for (const text of [
        base.slice(0, at) + char + base.slice(at),
        base.slice(0, at) + char + base.slice(at + 1),
      ]) {
        // The end of the expression is the end of the text: no line may follow it.
        const expected = grammar.test(text) && !text.endsWith("\n");
        assert.equal(parses(text), expected, JSON.stringify(text));
      }
    }
  }
});

test("[SID-01] [SID-06] a SPIFFE ID made of any allowed parts comes back as it was", () => {
  const letters = (alphabet: string, maxLength: number) =>
    fc
      .array(fc.constantFrom(...alphabet.split("")), {
        minLength: 1,
        maxLength,
      })
      .map((parts) => parts.join(""));
  const lower = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  const segment = letters(`${lower}ABCDEFGHIJKLMNOPQRSTUVWXYZ`, 30).filter(
    (text) => text !== "." && text !== "..",
  );
  fc.assert(
    fc.property(
      letters(lower, 255),
      fc.array(segment, { maxLength: 20 }),
      (domain, segments) => {
        const path = segments.map((text) => `/${text}`).join("");
        const {
          uri,
          trustDomain,
          path: parsed,
        } = parseSpiffeId(`spiffe://${domain}${path}`);
        assert.deepEqual(
          [uri, trustDomain, parsed],
          [`spiffe://${domain}${path}`, domain, path],
        );
      },
    ),
  );
});

test("[SID-02] [SID-03] a trust domain name alone follows the same grammar", () => {
  assert.equal(parseTrustDomainName("example.org"), "example.org");
  for (const text of [
    "",
    "TD",
    "td/a",
    "spiffe://td",
    "td ",
    "a".repeat(256),
  ]) {
    assert.throws(
      () => parseTrustDomainName(text),
      { code: "spiffe_id_invalid" },
      text,
    );
  }
});

test("[SID-01] any text at all either parses to itself or throws a DcrError", () => {
  const near = fc.array(
    fc.constantFrom(
      "spiffe://",
      "td",
      "/",
      "a",
      ".",
      "..",
      "%2e",
      ":",
      "@",
      "?",
      "#",
      "*",
      "\\",
      " ",
      "A",
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        near.map((parts) => parts.join("")),
      ),
      (text) => {
        try {
          assert.equal(parseSpiffeId(text).uri, text);
          assert.match(text, /^spiffe:\/\/[a-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/);
        } catch (error) {
          assert.ok(error instanceof DcrError);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

function parses(text: string): boolean {
  try {
    parseSpiffeId(text);
    return true;
  } catch {
    return false;
  }
}

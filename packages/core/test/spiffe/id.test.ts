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

/** The grammar of SPIFFE-ID section 2 as one expression: what the parser accepts beyond it is a defect. */
const GRAMMAR =
  /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*$/;
const isSpiffeId = (text: string): boolean =>
  GRAMMAR.test(text) && text.length <= 2048;

test("[SID-03] [SID-05] [S59] every byte at every position is judged by the grammar", () => {
  const base = "spiffe://td.x/ab/c";
  for (let at = 0; at <= base.length; at++) {
    for (let code = 0; code < 256; code++) {
      const char = String.fromCharCode(code);
      for (const text of [
        base.slice(0, at) + char + base.slice(at),
        base.slice(0, at) + char + base.slice(at + 1),
      ]) {
        assert.equal(parses(text), isSpiffeId(text), JSON.stringify(text));
      }
    }
  }
});

test("[SID-06] lengths are judged to the byte", () => {
  for (let length = 253; length <= 258; length++)
    assert.equal(parses(`spiffe://${"a".repeat(length)}/x`), length <= 255);
  for (let length = 2046; length <= 2051; length++)
    assert.equal(
      parses(`spiffe://td/${"a".repeat(length - 12)}`),
      length <= 2048,
    );
});

test("[SEC-05] the refusal says what was expected and quotes nothing of the text", () => {
  for (const text of [
    "spiffe://td/secretive%",
    "secretive://td",
    "spiffe://secretive:1/a",
    "spiffe://td/secretive//",
  ]) {
    assert.throws(
      () => parseSpiffeId(text),
      (error: Error) =>
        /^expected .+, got .+/.test(error.message) &&
        !error.message.includes("secretive"),
    );
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

test("[SID-01] any text is accepted exactly as the grammar has it, or a DcrError is thrown", () => {
  const pieces = fc
    .array(
      fc.oneof(
        fc.constantFrom("spiffe://", "spiffe:", "td", "/", "a", "A", ".", ".."),
        fc.constantFrom("...", "%2e", ":", "@", "?", "#", "*", "\\", " ", "\n"),
        fc.constantFrom("\u0430", "\uff0f", "\u200d", "\u212a", "\u017f"),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        pieces,
        pieces.map((text) => `spiffe://td/${text}`),
      ),
      (text) => assert.equal(parses(text), isSpiffeId(text)),
    ),
    { numRuns: 5000 },
  );
});

/** Whether the text parses, to itself; anything thrown but a DcrError fails the test. */
function parses(text: string): boolean {
  try {
    assert.equal(parseSpiffeId(text).uri, text);
    return true;
  } catch (error) {
    assert.ok(error instanceof DcrError, String(error));
    return false;
  }
}

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DcrError } from "@accredit/core/errors";
import {
  matchesSpiffeIdPattern,
  parseSpiffeId,
  parseSpiffeIdPattern,
} from "@accredit/core/spiffe";

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
  for (let code = 0; code < 256; code++) {
    const char = String.fromCharCode(code);
    const inDomain = /[a-z0-9._-]/.test(char);
    const inPath = /[A-Za-z0-9._-]/.test(char);
    assert.equal(
      parses(`spiffe://t${char}d/a`),
      inDomain || char === "/",
      `domain ${code}`,
    );
    assert.equal(
      parses(`spiffe://td/a${char}b`),
      inPath || char === "/",
      `path ${code}`,
    );
    assert.equal(parses(`spiffe://td/ab${char}`), inPath, `end ${code}`);
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

test("[S58] patterns match whole segments: no prefix, no suffix, no neighbour", () => {
  for (const [pattern, matching, other] of [
    [
      "spiffe://td/ns/prod/*",
      ["spiffe://td/ns/prod/x"],
      [
        "spiffe://td/ns/production/x",
        "spiffe://td/ns/prod",
        "spiffe://td/ns/prod-evil/x",
        "spiffe://td/ns/prod/x/y",
        "spiffe://tdx/ns/prod/x",
        "spiffe://x.td/ns/prod/x",
      ],
    ],
    [
      "spiffe://td/a/**",
      ["spiffe://td/a/b", "spiffe://td/a/b/c/d"],
      ["spiffe://td/a", "spiffe://td", "spiffe://td/ab/c"],
    ],
    [
      "spiffe://td/**",
      ["spiffe://td/a", "spiffe://td/a/b"],
      ["spiffe://td", "spiffe://td.evil/a"],
    ],
    [
      "spiffe://td/*/agent/**",
      ["spiffe://td/x/agent/1"],
      [
        "spiffe://td/x/y/agent/1",
        "spiffe://td/x/agent",
        "spiffe://td/x/Agent/1",
      ],
    ],
    ["spiffe://td/a", ["spiffe://td/a"], ["spiffe://td/A", "spiffe://td/a/b"]],
  ] as const) {
    const parsed = parseSpiffeIdPattern(pattern);
    for (const id of matching)
      assert.ok(
        matchesSpiffeIdPattern(parsed, parseSpiffeId(id)),
        `${pattern} ${id}`,
      );
    for (const id of other)
      assert.ok(
        !matchesSpiffeIdPattern(parsed, parseSpiffeId(id)),
        `${pattern} ${id}`,
      );
  }
  for (const wrong of [
    "spiffe://td",
    "spiffe://td/",
    "spiffe://*/a",
    "spiffe://td/a*",
    "spiffe://td/**/a",
    "spiffe://td/***",
    "spiffe://td/*/",
    "td/*",
    "*",
    "spiffe://TD/*",
    "",
  ]) {
    assert.throws(
      () => parseSpiffeIdPattern(wrong),
      { code: "spiffe_id_invalid" },
      wrong,
    );
  }
});

function parses(text: string): boolean {
  try {
    parseSpiffeId(text);
    return true;
  } catch {
    return false;
  }
}

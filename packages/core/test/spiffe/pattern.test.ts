import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  matchesSpiffeIdPattern,
  parseSpiffeId,
  parseSpiffeIdPattern,
} from "@accredit/core/spiffe";

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
    ["spiffe://td/a.c", ["spiffe://td/a.c"], ["spiffe://td/abc"]],
    [
      "spiffe://example.org/*",
      ["spiffe://example.org/a"],
      ["spiffe://evilexample.org/a", "spiffe://example.org.evil/a"],
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
    "spiffe://td/*a",
    "spiffe://td/a**",
    "spiffe://td/**/**",
    "spiffe://td/**/*",
    "spiffe://td/**/",
    "spiffe://**",
    "spiffe://t*/a",
    "spiffe://td/a?",
    "spiffe://td/[a]",
    "spiffe://td/{a,b}",
    "spiffe://td/..",
    "spiffe://td/*/../x",
    "*://td/a",
    "spiffe:/td/a/*",
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

test("[S58] a pattern is what its regular expression would be", () => {
  const segment = fc.constantFrom("a", "b", "ab", ".a", "A");
  fc.assert(
    fc.property(
      fc.array(fc.oneof(segment, fc.constant("*")), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.boolean(),
      fc.array(segment, { minLength: 1, maxLength: 5 }),
      (wanted, open, segments) => {
        const text = [...wanted, ...(open ? ["**"] : [])].join("/");
        const pattern = parseSpiffeIdPattern(`spiffe://td/${text}`);
        const expression = wanted
          .map((part) => (part === "*" ? "[^/]+" : part.replace(".", "\\.")))
          .join("/");
        assert.equal(
          matchesSpiffeIdPattern(
            pattern,
            parseSpiffeId(`spiffe://td/${segments.join("/")}`),
          ),
          new RegExp(`^${expression}${open ? "(?:/[^/]+)+" : ""}$`).test(
            segments.join("/"),
          ),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test("[S58] a pattern matches its own text where that is a SPIFFE ID, and no text is a pattern by accident", () => {
  const pieces = fc
    .array(
      fc.constantFrom("spiffe://", "td", "/", "a", ".", "..", "*", "**", "?"),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(""));
  const form =
    /^spiffe:\/\/[a-z0-9._-]+(?:\/(?:\*|(?!\.{1,2}\/)[A-Za-z0-9._-]+))*\/(?:\*\*?|(?!\.{1,2}$)[A-Za-z0-9._-]+)$/;
  fc.assert(
    fc.property(
      fc.oneof(
        pieces,
        pieces.map((text) => `spiffe://td/${text}`),
      ),
      (text) => {
        if (!form.test(text)) {
          assert.throws(() => parseSpiffeIdPattern(text), {
            name: "DcrError",
            code: "spiffe_id_invalid",
          });
          return;
        }
        const pattern = parseSpiffeIdPattern(text);
        assert.equal(pattern.text, text);
        if (!text.includes("*"))
          assert.ok(matchesSpiffeIdPattern(pattern, parseSpiffeId(text)));
      },
    ),
    { numRuns: 3000 },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DcrError } from "@accredit/core/errors";
import { parseStrictJson } from "@accredit/core/json";

const LIMITS = { maxBytes: 1_000_000, maxDepth: 32 };
const parse = (text: string | Uint8Array) =>
  parseStrictJson(typeof text === "string" ? Buffer.from(text) : text, LIMITS);

test("[SEC-06] refuses what JSON.parse lets through", () => {
  for (const [name, text] of [
    ["repeated names", '{"a":1,"a":2}'],
    ["names that are equal once unescaped", '{"a":1,"\\u0061":2}'],
    ["repeated __proto__", '{"__proto__":1,"__proto__":2}'],
    ["byte order mark", "\ufeff{}"],
    ["an infinite number", "1e400"],
    ["a number of a million digits", "1".repeat(900_000)],
    ["depth 33", "[".repeat(33) + "]".repeat(33)],
    ["depth 100,000", "[".repeat(100_000)],
    ["a lone surrogate, escaped", '"\\ud800"'],
    ["trailing bytes", "{} {}"],
    ["a trailing comma", "[1,]"],
    ["a control character", '"\u0001"'],
    ["single quotes", "{'a':1}"],
    ["a leading zero", "01"],
    ["a bare minus", "-"],
    ["NaN", "NaN"],
    ["a comment", "/**/1"],
    ["nothing", ""],
    ["another kind of space", "\u00a01"],
  ] as const) {
    assert.throws(
      () => parse(text),
      { name: "DcrError", code: "json_invalid" },
      name,
    );
  }
  assert.throws(
    () => parse(new Uint8Array([0x22, 0xff, 0x22])),
    { code: "json_invalid" },
    "not UTF-8",
  );
  assert.throws(
    () => parseStrictJson(Buffer.alloc(11, "1"), { maxBytes: 10, maxDepth: 1 }),
    { code: "json_invalid" },
  );
  assert.deepEqual(
    parse("[".repeat(32) + "]".repeat(32)),
    JSON.parse("[".repeat(32) + "]".repeat(32)),
  );
});

test("members named like parts of Object are data", () => {
  const value = parse(
    '{"__proto__":{"x":1},"constructor":2,"hasOwnProperty":3}',
  ) as Record<string, unknown>;
  assert.equal(Object.getPrototypeOf(value), null);
  assert.deepEqual(Object.keys(value), [
    "__proto__",
    "constructor",
    "hasOwnProperty",
  ]);
  assert.equal(({} as Record<string, unknown>)["x"], undefined);
});

test("any JSON value comes back as JSON.parse has it", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 10 }), (text) => {
      const expected: unknown = JSON.parse(text);
      assert.equal(JSON.stringify(parse(text)), JSON.stringify(expected));
    }),
    { numRuns: 1000 },
  );
});

test("any bytes either parse to what JSON.parse has, or throw a DcrError", () => {
  const text = fc.array(
    fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      '"',
      "a",
      ":",
      ",",
      "1",
      "-",
      ".",
      "e",
      "\\",
      "u0061",
      "true",
      "null",
      " ",
      "\n",
    ),
    { maxLength: 14 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        text.map((parts) => Buffer.from(parts.join(""))),
        fc.uint8Array(),
      ),
      (bytes) => {
        let value: unknown;
        try {
          value = parse(bytes);
        } catch (error) {
          assert.ok(error instanceof DcrError, String(error));
          return;
        }
        assert.equal(
          JSON.stringify(value),
          JSON.stringify(JSON.parse(new TextDecoder().decode(bytes))),
        );
      },
    ),
    { numRuns: 3000 },
  );
});

test("a message says what was expected, what came, and where", () => {
  for (const [text, message] of [
    [
      "{",
      "expected a member name in double quotes at offset 1, got the end of the text",
    ],
    ['{"a" 1}', "expected a colon at offset 5, got '1'"],
    ["[1 2]", "expected a comma or the end of the array at offset 3, got '2'"],
    ["{} x", "expected the end of the text at offset 3, got 'x'"],
    ["\u00e9", "expected a value at offset 0, got U+00E9"],
    ["\ufeff1", "expected a value at offset 0, got U+FEFF"],
    [
      '"a\n"',
      "expected no control character in a string at offset 2, got U+000A",
    ],
    [
      '{"a":1, "a":2}',
      "expected each member name once at offset 8, got one again",
    ],
    [
      "[[[]]]",
      "expected at most 2 levels of arrays and objects at offset 2, got one more",
    ],
    [
      "[1e400]",
      "expected a finite number of at most 64 characters at offset 1, got another",
    ],
  ] as const) {
    assert.throws(
      () => parseStrictJson(Buffer.from(text), { maxBytes: 100, maxDepth: 2 }),
      { code: "json_invalid", message },
      text,
    );
  }
});

test("numbers of the outermost object are heard as they are written", () => {
  const heard: string[] = [];
  parseStrictJson(
    Buffer.from(
      '{"a": 9007199254740993 ,"b":{"c":1},"d":[2],"e":"3","f":-1.50e+2}',
    ),
    LIMITS,
    (name, literal) => heard.push(`${name}=${literal}`),
  );
  assert.deepEqual(heard, ["a=9007199254740993", "f=-1.50e+2"]);
});

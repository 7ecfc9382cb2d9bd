import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { loadConfig, parseConfig } from "../../src/config/index.ts";
import { checkedProblems, problemsOf } from "./valid-file.ts";

const REST = `
issuer: https://as.example.com
trust: [{ kind: spiffe, trust_domain: example.org, bundle: { file: b.json } }]
`;

/** Nine levels of nine aliases each: 9^9 values in a few hundred bytes. */
const BOMB = Array.from({ length: 9 }, (_, level) => {
  const item = level === 0 ? "x" : `*a${level - 1}`;
  return `a${level}: &a${level} [${Array(9).fill(item).join(", ")}]`;
}).join("\n");

const TEXTS: Readonly<Record<string, string>> = {
  "an empty file": "",
  "a comment alone": "# nothing",
  "a scalar": "just text",
  "a list": "- a\n- b",
  "an unclosed mapping": "{ issuer: x",
  "a repeated key": `${REST}\nissuer: https://other.example`,
  "a repeated key in JSON": '{"issuer": "a", "issuer": "b"}',
  "a repeated nested key": `${REST}\nlisten: { port: 1, port: 2 }`,
  "a tag of its own": `${REST}\nlog: !custom { level: info }`,
  "a binary tag": `${REST}\nlog: !!binary aGk=`,
  "a JavaScript tag": `${REST}\nlog: !!js/function "function () {}"`,
  "a merge key": `x: &x { port: 1 }\n${REST}\nlisten: { <<: *x }`,
  "an unknown alias": `${REST}\nlog: *nothing`,
  "an alias bomb": BOMB,
  "an alias of itself": "a: &a [*a]",
  "YAML 1.1": `%YAML 1.1\n---\n${REST}`,
  "two documents": `${REST}\n---\n${REST}`,
  "a key that is a list": `${REST}\n? [a]\n: b`,
  "a key that is a number": `${REST}\n7: b`,
  // In brackets: without them it would set the table's prototype and be no row.
  ["__proto__"]: `${REST}\n__proto__: { issuer: x }`,
  "__proto__ in JSON": '{"__proto__": {"issuer": "https://as.example.com"}}',
  "__proto__ in a template": `${REST}\npolicy: [{ template: { __proto__: { scope: admin } } }]`,
  constructor: `${REST}\nconstructor: { prototype: {} }`,
  "a NUL": `${REST}\n# \0`,
  "an escape sequence": `${REST}\n# \u001b[31m`,
  "brackets without end": "[".repeat(1_000_000),
  "braces without end": '{"a":'.repeat(200_000),
  "deep brackets that close": "[".repeat(200) + "]".repeat(200),
  "deep lists in one line": "- ".repeat(500_000),
  "deep mappings by indentation": Array.from(
    { length: 400 },
    (_, depth) => `${" ".repeat(depth)}a:`,
  ).join("\n"),
  "many values": `${REST}\nregistration: { audiences: [${"1,".repeat(110_000)}] }`,
  "many wrong values": `${REST}\nregistration: { audiences: [${"1,".repeat(50_000)}] }`,
  "more than the limit": `# ${"x".repeat(1024 * 1024)}`,
  // As many as there is room for; comparing each with each would take minutes.
  "many keys": `{${Array.from({ length: 30_000 }, (_, index) => `k${index}: 1`).join(", ")}}`,
  "a repeated key that is quoted once": `${REST}\n"issuer": https://other.example`,
  "a repeated key that is an alias": `${REST}\nlog: { &k level: info, *k : debug }`,
  "a repeated key in a list": `${REST}\npolicy: [{ name: a, name: b }]`,
  "an infinite port": `${REST}\nlisten: { port: .inf }`,
  "no number": `${REST}\nlisten: { port: .nan }`,
};

for (const [name, text] of Object.entries(TEXTS)) {
  test(`config: ${name} is a ConfigError`, () => {
    const problems = problemsOf(() => parseConfig(text, { baseDir: "/" }));
    assert.ok(problems.length <= 101);
    assert.equal(Object.hasOwn(Object.prototype, "issuer"), false);
  });
}

test("config: any text is a ConfigError, never another error", () => {
  const part = fc.oneof(
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.constantFrom(
      "issuer: ",
      "trust:\n",
      "  - ",
      "{",
      "}",
      "[",
      "]",
      "\n",
      ": ",
      "&a ",
      "*a",
      "!!",
      "|",
      ">",
      "'",
      '"',
      "---",
      "? ",
      "#",
    ),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      problemsOf(() => parseConfig(parts.join(""), { baseDir: "/" }));
    }),
    { numRuns: 500 },
  );
});

async function directory(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "accredit-config-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function loadProblems(file: string): Promise<string> {
  const problems = await loadConfig(file).then(
    () => assert.fail("expected a ConfigError, got none"),
    checkedProblems,
  );
  assert.equal(problems[0]?.path, "");
  return problems[0].problem;
}

test("config: relative paths start at the file's directory", async (t) => {
  const dir = await directory(t);
  await writeFile(join(dir, "accredit.yaml"), `\ufeff${REST}`);
  const config = await loadConfig(join(dir, "accredit.yaml"));
  assert.deepEqual(config.trust[0]?.bundle, {
    kind: "file",
    path: join(dir, "b.json"),
  });
});

test("config: a file that cannot be read is a ConfigError", async (t) => {
  const dir = await directory(t);
  assert.match(await loadProblems(join(dir, "none.yaml")), /ENOENT/);
  assert.match(await loadProblems(dir), /ordinary file|EISDIR/);
  assert.match(await loadProblems("/dev/zero"), /ordinary file/);
  assert.match(await loadProblems("a\0b"), /cannot be read/);

  const pipe = join(dir, "pipe");
  execFileSync("mkfifo", [pipe]);
  assert.match(await loadProblems(pipe), /ordinary file/);

  const closed = join(dir, "closed.yaml");
  await writeFile(closed, REST);
  await chmod(closed, 0o000);
  // The superuser may read it all the same.
  if (process.getuid?.() !== 0)
    assert.match(await loadProblems(closed), /EACCES/);
});

test("config: a file of 50 MB or of other bytes than UTF-8 is a ConfigError", async (t) => {
  const dir = await directory(t);
  const large = join(dir, "large.yaml");
  await writeFile(large, Buffer.alloc(50 * 1024 * 1024, "a: [\n"));
  assert.match(await loadProblems(large), /too large/);
  const latin = join(dir, "latin.yaml");
  await writeFile(latin, Buffer.from([0x61, 0x3a, 0x20, 0xe9, 0xff]));
  assert.match(await loadProblems(latin), /not UTF-8/);
  const wide = join(dir, "wide.yaml");
  await writeFile(wide, Buffer.from(REST, "utf16le"));
  await loadProblems(wide);
});

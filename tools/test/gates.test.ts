import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencyProblems } from "../gates/dependencies.ts";
import {
  exportMapProblems,
  exportStatementProblems,
} from "../gates/exports.ts";
import { importProblems } from "../gates/imports.ts";

const CORE = "packages/core/src/spiffe/id.ts";
const SERVER = "packages/server/src/routes/token.ts";
const DECLARED = [
  "jose",
  "oidc-provider",
  "@accredit/core",
  "@accredit/store",
  "@accredit/workload-api",
];

for (const [file, text, problem] of [
  [CORE, 'import { readFile } from "node:fs";', /core may import/],
  [
    CORE,
    'import type { A } from "@accredit/store";',
    /core may not import store/,
  ],
  [CORE, 'const x = await import("node:fs");', /core may import/],
  [CORE, "const now = Date.now();", /Date\.now is not/],
  [CORE, 'const a = "https://a"; const now = Date.now();', /Date\.now is not/],
  [CORE, "await fetch(url);", /fetch\( is not/],
  [CORE, 'import { randomUUID } from "node:crypto";', /randomUUID is not/],
  [CORE, "setTimeout(run, 1);", /setTimeout is not/],
  [
    CORE,
    'import {\n  a,\n  b,\n} from "../../../store/src/a.ts";',
    /leaves its package/,
  ],
  [
    SERVER,
    'import { A } from "@accredit/store";',
    /server may not import store/,
  ],
  [SERVER, 'import Provider from "oidc-provider";', /oidc-provider stays/],
  [SERVER, 'import { createServer } from "node:http";', /opens sockets/],
  [SERVER, "const { HOME } = process.env;", /reads the environment/],
  [SERVER, 'import { FakeClock } from "@accredit/testkit";', /for tests/],
  [SERVER, 'import { x } from "left-pad/y";', /left-pad is not in/],
  [SERVER, 'import "@scope/side-effects/z";', /@scope\/side-effects is not in/],
  [
    "packages/core/test/a.test.ts",
    'import { a } from "../../store/src/a.ts";',
    /leaves/,
  ],
  [
    "packages/new/src/a.ts",
    'import { A } from "@accredit/core";',
    /new may not/,
  ],
] as const) {
  test(`imports: ${file}: ${JSON.stringify(text)} is refused`, () => {
    const problems = importProblems(file, text, DECLARED).join("\n");
    assert.match(problems, problem);
    assert.ok(problems.startsWith(`${file}: `));
  });
}

for (const [file, text] of [
  [
    CORE,
    'import { jwtVerify } from "jose";\nimport { hash } from "node:crypto";',
  ],
  [CORE, "// Date.now() is for others.\n/* and fetch(x) too */"],
  [CORE, "const message = 'no process.env here';"],
  [CORE, 'export { a } from "../b.ts";'],
  [SERVER, 'import type { IncomingMessage } from "node:http";'],
  [
    "packages/server/src/authorization-server/a.ts",
    'import Provider from "oidc-provider";',
  ],
  [
    "packages/trust/src/a.ts",
    'import { createClient } from "@accredit/workload-api";',
  ],
  [
    "packages/core/test/a.test.ts",
    'import { FakeClock } from "@accredit/testkit";',
  ],
  [
    "apps/accredit/src/a.ts",
    'import { open } from "@accredit/store";\nprocess.env;',
  ],
] as const) {
  test(`imports: ${file}: ${JSON.stringify(text)} is fine`, () =>
    assert.deepEqual(importProblems(file, text, DECLARED), []));
}

test("exports: a map holds when each subpath has its source, and types and code are made of it", () => {
  const entry = {
    source: "./src/a/index.ts",
    types: "./dist/a/index.d.ts",
    default: "./dist/a/index.js",
  };
  const problems = (changed: object): readonly string[] =>
    exportMapProblems(
      { name: "p", exports: { "./a": { ...entry, ...changed } } },
      (file) => file === "./src/a/index.ts",
    );
  assert.deepEqual(problems({}), []);
  for (const changed of [
    { types: "./dist/a.d.ts" },
    { default: "./dist/b/index.js" },
    { default: undefined },
    { source: undefined },
    { require: "./dist/a/index.cjs" },
  ]) {
    assert.equal(problems(changed).length, 1, JSON.stringify(changed));
  }
  assert.match(
    problems({
      source: "./src/b.ts",
      types: "./dist/b.d.ts",
      default: "./dist/b.js",
    }).join("\n"),
    /is not there/,
  );
});

test("exports: names are exported one by one", () => {
  for (const text of [
    'export * from "./a.ts";',
    'export * as a from "./a.ts";',
    'export type * from "./a.ts";',
    "export default 1;",
    "export { a as default };",
  ]) {
    assert.equal(exportStatementProblems("f.ts", text).length, 1, text);
  }
  assert.deepEqual(
    exportStatementProblems("f.ts", 'export { a } from "./a.ts";'),
    [],
  );
});

test("dependencies: each has a line with its licence, and each line a dependency", () => {
  const problems = (line: string): readonly string[] =>
    dependencyProblems(
      line,
      [{ name: "p", dependencies: { a: "1", "@accredit/core": "*" } }],
      () => "MIT",
    );
  assert.deepEqual(problems("| `a` | what | MIT | who |"), []);
  assert.equal(problems("| `a` | what | ISC | who |").length, 1);
  assert.equal(problems("").length, 1);
  assert.equal(problems("| `a` | MIT |\n| `b` | MIT |").length, 1);
});

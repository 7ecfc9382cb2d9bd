import assert from "node:assert/strict";
import { test } from "node:test";
import { citationsOf } from "../docs/citations.ts";
import { renderConformance } from "../docs/conformance.ts";
import { mergeRequirements } from "../docs/requirement-table.ts";

/** An ID as tests cite it, put together here so that this file cites nothing. */
const cite = (id: string): string => `[${id}]`;
const REQUIREMENTS = {
  "A-01": { strength: "MUST", title: "one thing" },
  "A-02": { strength: "MAY", title: "another" },
};

test("conformance: names of tests and of cases in tables count, once each", () => {
  const source = [
    `test("${cite("A-01")} ${cite("X01")} first", () => {});`,
    `test(\`second \${kind} ${cite("A-02")}\`, () => {});`,
    `["${cite("A-01")} a case", 1],`,
    `{ name: "${cite("A-01")} a case" },`,
    `assert.equal(a, b, "${cite("J19")}");`,
    `// don't count ${cite("A-03")} here`,
    `const text = "nor ${cite("A-04")} here";`,
    `const index = list["0"];`,
  ].join("\n");
  assert.deepEqual(citationsOf("f", source), [
    {
      file: "f",
      name: `${cite("A-01")} ${cite("X01")} first`,
      ids: ["A-01", "X01"],
    },
    { file: "f", name: `second … ${cite("A-02")}`, ids: ["A-02"] },
    { file: "f", name: `${cite("A-01")} a case`, ids: ["A-01"] },
    { file: "f", name: cite("J19"), ids: ["J19"] },
  ]);
});

test("conformance: a requirement is met by a test that cites it, unless a note says otherwise", () => {
  const tests = [{ file: "f", name: "n", ids: ["A-01", "X01"] }];
  const met = renderConformance(REQUIREMENTS, {}, tests);
  assert.match(met, /\| A-01 \| MUST \| one thing \| met \| `f` \|/);
  assert.match(met, /\| A-02 \| MAY \| another \| not yet \| {2}\|/);
  assert.match(met, /\| X01 \| `f` \|/);
  assert.match(
    renderConformance(
      REQUIREMENTS,
      { "A-01": { status: "partly", note: "but not that" } },
      tests,
    ),
    /\| partly \| but not that<br>`f` \|/,
  );
});

test("conformance: unknown requirements are refused", () => {
  assert.throws(
    () =>
      renderConformance(REQUIREMENTS, {}, [
        { file: "f", name: "n", ids: ["A-03"] },
      ]),
    /tests cite unknown requirements: A-03/,
  );
  assert.throws(
    () => renderConformance(REQUIREMENTS, { "B-01": { note: "x" } }, []),
    /names unknown requirements: B-01/,
  );
});

test("conformance: tables give IDs and strengths, and titles stay", () => {
  const { requirements, untitled } = mergeRequirements(
    `|ID|Str|Rule|\n|-|-|-|\n|A-01|SHOULD|x|\n|A-03|†|y|\n
|ID|Field|Type|\n|-|-|-|\n|A-02|\`f\`|z|\n`,
    REQUIREMENTS,
  );
  assert.deepEqual(requirements, {
    "A-01": { strength: "SHOULD", title: "one thing" },
    "A-03": { strength: "†", title: "" },
    "A-02": { strength: "–", title: "another" },
  });
  assert.deepEqual(untitled, ["A-03"]);
});

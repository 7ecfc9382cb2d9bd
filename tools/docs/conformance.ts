import { globSync, readFileSync } from "node:fs";

interface Requirement {
  readonly strength: string;
  readonly title: string;
}
interface Note {
  readonly status?: "partly" | "not applicable";
  readonly note: string;
}

/** Test files may cite requirements, and the attacks and faults of the threat list. */
const CITATION = /\[((?:[A-Z][A-Z0-9]*-)+\d+|[A-Z]\d{2})\]/g;
const TEST_NAME = /\b(?:test|it|describe)\(\s*(["'`])((?:(?!\1)[\s\S])*)\1/g;

/**
 * `docs/conformance.md`: which requirement which test holds us to.
 *
 * @throws {Error} when a test cites a requirement that does not exist
 */
export function conformanceDocument(): string {
  const requirements = readJson("docs/requirement-ids.json") as Record<
    string,
    Requirement
  >;
  const notes = readJson("docs/conformance-notes.json") as Record<string, Note>;
  const cited = citations();
  const unknown = [...cited.keys()].filter(
    (id) => id.includes("-") && requirements[id] === undefined,
  );
  if (unknown.length > 0)
    throw new Error(`tests cite unknown requirements: ${unknown.join(", ")}`);

  const rows = Object.entries(requirements).map(([id, { strength, title }]) => {
    const tests = cited.get(id) ?? new Set();
    const note = notes[id];
    const status = note?.status ?? (tests.size > 0 ? "met" : "not yet");
    const where = [...tests].map((file) => `\`${file}\``).join("<br>");
    return {
      status,
      row: `| ${id} | ${strength} | ${escape(title)} | ${status} | ${where}${note === undefined ? "" : ` ${note.note}`} |`,
    };
  });
  const count = (status: string): number =>
    rows.filter((row) => row.status === status).length;
  const attacks = [...cited]
    .filter(([id]) => !id.includes("-"))
    .toSorted(([a], [b]) => a.localeCompare(b));

  return `# Conformance

<!-- Made by \`npm run docs\` from the names of the tests. -->

Each requirement of the specifications has an ID; a test that holds us to it carries the ID in its name.
\`met\`: at least one test does. \`partly\`: some of it, as the note says. \`not yet\`: no test, and mostly no
feature.

${count("met")} met, ${count("partly")} partly, ${count("not applicable")} not applicable, ${count("not yet")} not yet.

| ID | strength | requirement | status | tests |
| --- | --- | --- | --- | --- |
${rows.map(({ row }) => row).join("\n")}

## Attacks and faults

Cases of the threat list that tests cite.

| case | tests |
| --- | --- |
${attacks.map(([id, files]) => `| ${id} | ${[...files].map((file) => `\`${file}\``).join("<br>")} |`).join("\n")}
`;
}

function citations(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const file of globSync(
    "{packages,apps}/*/test/**/*.test.ts",
  ).toSorted()) {
    for (const [, , name = ""] of readFileSync(file, "utf8").matchAll(
      TEST_NAME,
    )) {
      for (const [, id = ""] of name.matchAll(CITATION)) {
        found.set(id, (found.get(id) ?? new Set()).add(file));
      }
    }
  }
  return found;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|");
}

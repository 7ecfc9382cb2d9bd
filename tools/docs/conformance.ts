import { globSync, readFileSync } from "node:fs";
import { citationsOf, type CitingTest } from "./citations.ts";
import type { Requirements } from "./requirement-table.ts";

/** What the names of tests cannot say: a status that is less than they suggest, and why. */
export type ConformanceNotes = Readonly<
  Record<
    string,
    { readonly status?: "partly" | "not applicable"; readonly note: string }
  >
>;

/** What the IDs that begin like this are about. */
const AREAS: Readonly<Record<string, string>> = {
  "DCR-TI": "Registration with a trusted issuer's credential",
  DCR: "Registration endpoint",
  META: "Client metadata",
  SID: "SPIFFE IDs",
  SVID: "JWT-SVIDs",
  WIT: "WIT-SVIDs",
  X509: "X.509-SVIDs",
  BNDL: "Trust bundles",
  FED: "Bundle endpoints",
  WAPI: "Workload API",
  VC: "Verifiable credentials",
  KEYR: "Keys of credential issuers",
  STAT: "Credential status",
  CAUTH: "Client authentication",
  ASM: "Server metadata",
  MGMT: "Managing a registration",
  TOK: "Tokens",
  MCP: "Model Context Protocol",
  ROFU: "Registration on first use",
  SEC: "Security",
  AMB: "Where specifications leave a choice",
};

/** `docs/conformance.md`: which requirement which test holds us to. */
export function conformanceDocument(): string {
  return renderConformance(
    readJson("docs/requirement-ids.json") as Requirements,
    readJson("docs/conformance-notes.json") as ConformanceNotes,
    globSync("{packages,apps}/*/test/**/*.test.ts")
      .toSorted()
      .flatMap((file) => citationsOf(file, readFileSync(file, "utf8"))),
  );
}

/**
 * Writes the document.
 *
 * @throws {Error} when a test or a note names a requirement that does not exist
 */
export function renderConformance(
  requirements: Requirements,
  notes: ConformanceNotes,
  tests: readonly CitingTest[],
): string {
  const cited = filesById(tests);
  refuseUnknown(
    "tests cite",
    [...cited.keys()].filter(isRequirement),
    requirements,
  );
  refuseUnknown(
    "docs/conformance-notes.json names",
    Object.keys(notes),
    requirements,
  );

  const rows = Object.entries(requirements).map(([id, { strength, title }]) => {
    const files = cited.get(id) ?? [];
    const { status, note } = notes[id] ?? {};
    return {
      id,
      strength,
      title,
      status: status ?? (files.length > 0 ? "met" : "not yet"),
      evidence: [...(note === undefined ? [] : [note]), ...files.map(code)],
    };
  });
  const count = (status: string): number =>
    rows.filter((row) => row.status === status).length;
  const sections = [...Map.groupBy(rows, ({ id }) => areaOf(id))].map(
    ([area, inArea]) =>
      section(
        AREAS[area] ?? area,
        ["ID", "strength", "requirement", "status", "tests"],
        inArea.map(({ id, strength, title, status, evidence }) => [
          id,
          strength,
          title,
          status,
          evidence.join("<br>"),
        ]),
      ),
  );
  const threats = [...cited]
    .filter(([id]) => !isRequirement(id))
    .toSorted(([a], [b]) => a.localeCompare(b));

  return `# Conformance

<!-- Made by \`npm run docs\` from the names of the tests. -->

Each requirement of the specifications has an ID; a test that holds us to it carries the ID in its name.
\`met\`: at least one test does. \`partly\`: some of it, as the note says. \`not yet\`: no test, and mostly no
feature. The strength is the specification's word, † where the choice is ours, – where the text is not
graded; the requirement is what holds here, in short. The tests by name come last.

${count("met")} met, ${count("partly")} partly, ${count("not applicable")} not applicable, ${count("not yet")} not yet.

${sections.join("\n\n")}

${section(
  "Attacks and faults",
  ["case", "tests"],
  threats.map(([id, files]) => [id, files.map(code).join("<br>")]),
)}

## Tests by name

A name that is filled in when the test runs has an ellipsis there.

${[...Map.groupBy(tests, ({ file }) => file)]
  .map(
    ([file, inFile]) =>
      `### \`${file}\`\n\n${inFile.map(({ name }) => `- ${escapeMarkdown(name)}`).join("\n")}`,
  )
  .join("\n\n")}
`;
}

function filesById(
  tests: readonly CitingTest[],
): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, Set<string>>();
  for (const { file, ids } of tests) {
    for (const id of ids) files.set(id, (files.get(id) ?? new Set()).add(file));
  }
  return new Map([...files].map(([id, inFiles]) => [id, [...inFiles]]));
}

function refuseUnknown(
  who: string,
  ids: readonly string[],
  requirements: Requirements,
): void {
  const unknown = ids.filter((id) => !Object.hasOwn(requirements, id));
  if (unknown.length > 0)
    throw new Error(`${who} unknown requirements: ${unknown.join(", ")}`);
}

/** Requirements have a dash in their ID, cases of the threat list have none. */
function isRequirement(id: string): boolean {
  return id.includes("-");
}

function areaOf(id: string): string {
  return id.slice(0, id.lastIndexOf("-"));
}

function section(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", String.raw`\|`)).join(" | ")} |`;
  return [
    `## ${title}\n`,
    line(columns),
    line(columns.map(() => "---")),
    ...rows.map(line),
  ].join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_<>|[\]]/g, String.raw`\$&`);
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

/** A test, or a case in a test's table, whose name cites requirements or threats in brackets. */
export interface CitingTest {
  readonly file: string;
  /** As in the source; what a template fills in is an ellipsis. */
  readonly name: string;
  readonly ids: readonly string[];
}

const ID = String.raw`(?:[A-Z][A-Z0-9]*-)+\d+|[A-Z]\d{2}`;
const CITATION = new RegExp(String.raw`\[(${ID})\]`, "g");
/** The name of a test, wherever it cites. */
const TEST_NAME = /\b(?:test|it|describe)\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g;
/** The name of a case begins with what it cites; any other text in brackets is just that. */
const CASE_NAME = new RegExp(
  String.raw`(["'\`])(\[(?:${ID})\](?:\\.|(?!\1)[^\\\n])*)\1`,
  "g",
);

/** Finds the names in one test file that cite something, each once, in the order of the file. */
export function citationsOf(file: string, text: string): readonly CitingTest[] {
  const names = new Map<string, number>();
  for (const pattern of [TEST_NAME, CASE_NAME]) {
    for (const { 2: name = "", index } of text.matchAll(pattern))
      if (!names.has(name)) names.set(name, index);
  }
  return [...names]
    .toSorted(([, a], [, b]) => a - b)
    .map(([name]) => ({
      file,
      name: name.replace(/\$\{[^}]*\}/g, "…").replace(/\\(["'`])/g, "$1"),
      ids: [...name.matchAll(CITATION)].map(([, id = ""]) => id),
    }))
    .filter(({ ids }) => ids.length > 0);
}

/** Requirement IDs with their strength in the specification's words and a short title in ours. */
export type Requirements = Readonly<
  Record<string, { readonly strength: string; readonly title: string }>
>;

const HEADING = /^\|\s*ID\s*\|\s*([^|]+?)\s*\|/;
const ROW = /^\|\s*((?:[A-Z][A-Z0-9]*-)+\d+)\s*\|\s*([^|]*?)\s*\|/;

/** Reads the tables of a Markdown text: strength and title by ID, where a title is already known. */
export function mergeRequirements(
  markdown: string,
  known: Requirements,
): { readonly requirements: Requirements; readonly untitled: string[] } {
  const requirements: Record<string, { strength: string; title: string }> = {};
  const untitled: string[] = [];
  let column = "";
  for (const line of markdown.split("\n")) {
    column = HEADING.exec(line)?.[1] ?? column;
    const [, id, second = ""] = ROW.exec(line) ?? [];
    if (id === undefined) continue;
    const title = known[id]?.title ?? "";
    if (title === "") untitled.push(id);
    requirements[id] = { strength: strengthOf(column, second), title };
  }
  return { requirements, untitled };
}

/** Tables of fields and of conflicts have no strength: those of fields are not graded, the others our choice. */
function strengthOf(column: string, cell: string): string {
  if (column === "Str") return cell;
  return column === "Conflict" ? "†" : "–";
}

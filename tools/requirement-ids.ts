/**
 * Brings docs/requirement-ids.json in step with the requirement tables it is made from: new rows come in,
 * strengths follow, rows that are gone go. Titles are our own short words and stay as they are written.
 *
 *   node tools/requirement-ids.ts [FILE]
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import {
  mergeRequirements,
  type Requirements,
} from "./docs/requirement-table.ts";

const TARGET = "docs/requirement-ids.json";
const source = process.argv[2] ?? "../shared/requirements.md";

if (!existsSync(source)) {
  console.error(`no requirement tables at ${source}; ${TARGET} stays as it is`);
  process.exit(2);
}
const { requirements, untitled } = mergeRequirements(
  readFileSync(source, "utf8"),
  JSON.parse(readFileSync(TARGET, "utf8")) as Requirements,
);
writeFileSync(TARGET, `${JSON.stringify(requirements, null, 2)}\n`);
console.log(`${Object.keys(requirements).length} requirements in ${TARGET}`);
if (untitled.length > 0)
  console.log(`to be given a title: ${untitled.join(", ")}`);

/**
 * Writes the documents that are made from the code and the tests; with `--check`, only says which are out
 * of date. Sources: the error codes, the wire map, the configuration's schema, the names of the tests.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { format } from "prettier";
import { configJsonSchema } from "../apps/accredit/src/config/index.ts";
import { configDocument } from "./docs/config.ts";
import { conformanceDocument } from "./docs/conformance.ts";
import { errorsDocument } from "./docs/errors.ts";

const documents: Readonly<Record<string, () => string>> = {
  "docs/errors.md": errorsDocument,
  "docs/config.md": configDocument,
  "docs/config.schema.json": () => JSON.stringify(configJsonSchema()),
  "docs/conformance.md": conformanceDocument,
};

const check = process.argv.includes("--check");
const stale: string[] = [];
for (const [file, make] of Object.entries(documents)) {
  const text = await format(make(), { filepath: file });
  if (readOrNothing(file) === text) continue;
  stale.push(file);
  if (!check) writeFileSync(file, text);
}
if (check && stale.length > 0) {
  console.error(`out of date: ${stale.join(", ")}; run npm run docs`);
  process.exit(1);
}
if (!check)
  console.log(
    stale.length === 0 ? "all up to date" : `wrote ${stale.join(", ")}`,
  );

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

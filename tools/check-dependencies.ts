/** What we depend on is written down, with its licence and whom we trust by it. */
import { existsSync, globSync, readFileSync } from "node:fs";
import {
  dependencyProblems,
  type DependencyManifest,
} from "./gates/dependencies.ts";

const DOCUMENT = "docs/dependencies.md";

const problems = dependencyProblems(
  readFileSync(DOCUMENT, "utf8"),
  ["package.json", ...globSync("{packages,apps}/*/package.json")].map(
    readManifest,
  ),
  (name) => {
    const file = `node_modules/${name}/package.json`;
    return existsSync(file) ? readManifest(file).license : undefined;
  },
);
if (problems.length > 0) {
  console.error(`${DOCUMENT}:\n${problems.join("\n")}`);
  process.exit(1);
}

function readManifest(file: string): DependencyManifest {
  return JSON.parse(readFileSync(file, "utf8")) as DependencyManifest;
}

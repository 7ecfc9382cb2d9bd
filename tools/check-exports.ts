/**
 * What packages offer each other: export maps that hold, names exported one by one. That each name exists
 * is the type check's to say; with `--built`, what the build made is imported as its users would.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  exportMapProblems,
  exportStatementProblems,
  type ExportsManifest,
} from "./gates/exports.ts";

const manifests = globSync("packages/*/package.json")
  .toSorted()
  .map((file) => ({
    directory: dirname(file),
    manifest: JSON.parse(readFileSync(file, "utf8")) as ExportsManifest & {
      readonly private?: boolean;
    },
  }));
const problems = process.argv.includes("--built")
  ? await builtProblems()
  : sourceProblems();
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}

function sourceProblems(): readonly string[] {
  const maps = manifests.flatMap(({ directory, manifest }) =>
    exportMapProblems(manifest, (file) => existsSync(join(directory, file))),
  );
  const statements = globSync("{packages,apps}/*/src/**/*.ts", {
    exclude: ["**/gen/**"],
  }).flatMap((file) =>
    exportStatementProblems(file, readFileSync(file, "utf8")),
  );
  return [...maps, ...statements];
}

/** Packages that stay in this repository are not built; the others are loaded from `dist`. */
async function builtProblems(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { directory, manifest } of manifests) {
    if (manifest.private === true) continue;
    for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
      const { default: code, types } = target as Record<string, string>;
      for (const file of [code, types]) {
        if (!existsSync(join(directory, file ?? "")))
          found.push(`${manifest.name} ${subpath}: ${file} was not built`);
      }
      try {
        await import(pathToFileURL(resolve(directory, code ?? "")).href);
      } catch (error) {
        found.push(
          `${manifest.name} ${subpath}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  }
  return found;
}

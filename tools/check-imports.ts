/**
 * The architecture as a gate: who may import what, and what may touch the world. `docs/architecture.md`
 * says why; this says where it is broken.
 */
import { globSync, readFileSync } from "node:fs";
import { importProblems } from "./gates/imports.ts";

const problems = globSync("{packages,apps}/*/{src,test,bin}/**/*.ts", {
  exclude: ["**/gen/**"],
})
  .toSorted()
  .flatMap((file) =>
    importProblems(
      file,
      readFileSync(file, "utf8"),
      dependenciesOf(file.split("/").slice(0, 2).join("/")),
    ),
  );
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}

function dependenciesOf(directory: string): readonly string[] {
  const { dependencies = {} } = JSON.parse(
    readFileSync(`${directory}/package.json`, "utf8"),
  ) as { readonly dependencies?: Readonly<Record<string, string>> };
  return Object.keys(dependencies);
}

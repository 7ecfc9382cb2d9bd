/** Every dependency in a package.json has its line in docs/dependencies.md. */
import { globSync, readFileSync } from "node:fs";

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

const documented = readFileSync("docs/dependencies.md", "utf8");
const missing = new Set<string>();
for (const file of [
  "package.json",
  ...globSync("{packages,apps}/*/package.json"),
]) {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(
    readFileSync(file, "utf8"),
  ) as Manifest;
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    if (
      !name.startsWith("@accredit/") &&
      !documented.includes(`| \`${name}\` `)
    )
      missing.add(`${name} (${file})`);
  }
}
if (missing.size > 0) {
  console.error(
    `no line in docs/dependencies.md for: ${[...missing].join(", ")}`,
  );
  process.exit(1);
}

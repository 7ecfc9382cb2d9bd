/** `npm run check`: everything CI holds a change to, in the order that fails soonest. */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";

const node = [
  process.execPath,
  "--conditions=source",
  "--disable-warning=ExperimentalWarning",
];
const steps: readonly (readonly [name: string, command: readonly string[]])[] =
  [
    ["format", ["prettier", "--check", "--log-level", "warn", "."]],
    ["lint", ["oxlint", "--type-aware", "--deny-warnings"]],
    ["types", ["tsc", "-p", "tsconfig.json"]],
    ["imports", [...node, "tools/check-imports.ts"]],
    ["exports", [...node, "tools/check-exports.ts"]],
    ["dependencies documented", [...node, "tools/check-dependencies.ts"]],
    ["docs in sync", [...node, "tools/docs.ts", "--check"]],
    ["build", ["tsc", "-b", ...buildProjects()]],
    // As users of the packages load them: without the condition that finds the sources.
    [
      "built exports",
      [
        process.execPath,
        "--disable-warning=ExperimentalWarning",
        "tools/check-exports.ts",
        "--built",
      ],
    ],
    ["tests", [...node, "tools/test.ts"]],
  ];

// CI runs the tests by the README's own command and spares itself the second time.
const skipTests = process.argv.includes("--no-tests");

for (const [name, [command = "", ...args]] of steps) {
  if (skipTests && name === "tests") continue;
  const started = performance.now();
  console.log(`\n== ${name}`);
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (error !== undefined || status !== 0) {
    console.error(
      `\n${name} failed after ${seconds} s${error === undefined ? "" : `: ${error.message}`}`,
    );
    process.exit(1);
  }
  console.log(`${name}: ok (${seconds} s)`);
}

/** Every package that is not private to this repository. */
function buildProjects(): readonly string[] {
  return globSync("packages/*/package.json")
    .filter((file) => {
      const manifest = JSON.parse(readFileSync(file, "utf8")) as {
        readonly private?: boolean;
      };
      return manifest.private !== true;
    })
    .map((file) => file.replace(/package\.json$/, "tsconfig.build.json"))
    .toSorted();
}

/**
 * The architecture as a gate: who may import what, and what may touch the world. `docs/architecture.md`
 * says why; this says where it is broken.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** Packages of ours that each package may import, beside itself. The app may import all. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  "workload-api": [],
  trust: ["core"],
  store: ["core"],
  server: ["core"],
  testkit: ["core"],
};
/** Node modules that decide nothing about the world, which pure code may use. */
const PURE_NODE_MODULES = new Set(["node:crypto"]);
/** Files that make a Node object of these modules without listening or connecting. */
const SOCKET_EXCEPTIONS = new Set([
  "packages/server/src/authorization-server/inner-request.ts",
  "packages/workload-api/src/address.ts",
  "packages/workload-api/src/connection.ts",
  "packages/testkit/src/fake-bundle-endpoint.ts",
]);
const AMBIENT =
  /\b(?:Date\.now|Math\.random|new Date\(\)|setTimeout|setInterval|setImmediate|fetch\(|process\.)/;

const problems: string[] = [];
for (const file of globSync("{packages,apps}/*/src/**/*.ts", {
  exclude: ["**/gen/**"],
})) {
  const text = readFileSync(file, "utf8");
  const [kind = "", name = ""] = file.split("/");
  for (const specifier of importsOf(text))
    checkImport(file, kind, name, specifier);
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  if (name === "core" && AMBIENT.test(code)) {
    problems.push(
      `${file}: core is pure; ${AMBIENT.exec(code)?.[0] ?? ""} is not`,
    );
  }
  if (kind === "packages" && /\bprocess\.env\b/.test(code)) {
    problems.push(`${file}: only the app reads the environment`);
  }
  if (/^export \* from|^export default/m.test(code)) {
    problems.push(`${file}: exports are named, one by one`);
  }
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}

function checkImport(
  file: string,
  kind: string,
  name: string,
  specifier: string,
): void {
  const home = `${kind}/${name}/`;
  if (specifier.startsWith(".")) {
    if (!normalize(join(dirname(file), specifier)).startsWith(home)) {
      problems.push(
        `${file}: ${specifier} leaves its package; import it by name`,
      );
    }
    return;
  }
  const ours = /^@accredit\/([^/]+)/.exec(specifier)?.[1];
  if (
    ours !== undefined &&
    kind === "packages" &&
    ours !== name &&
    ALLOWED[name]?.includes(ours) !== true
  ) {
    problems.push(`${file}: ${name} may not import ${ours}`);
  }
  if (ours === "testkit") problems.push(`${file}: the testkit is for tests`);
  if (
    specifier === "oidc-provider" &&
    !file.startsWith("packages/server/src/authorization-server/")
  ) {
    problems.push(
      `${file}: oidc-provider stays inside server/src/authorization-server`,
    );
  }
  if (
    name === "core" &&
    specifier !== "jose" &&
    ours !== "core" &&
    !PURE_NODE_MODULES.has(specifier)
  ) {
    problems.push(
      `${file}: core may import jose and nothing else, not ${specifier}`,
    );
  }
  if (
    kind === "packages" &&
    /^node:(?:http|https|net|tls|child_process)$/.test(specifier)
  ) {
    const typesOnly = new RegExp(`^import type [^;]*"${specifier}"`, "m").test(
      readFileSync(file, "utf8"),
    );
    if (!typesOnly && name !== "trust" && !SOCKET_EXCEPTIONS.has(file)) {
      problems.push(`${file}: only the app opens sockets; ${specifier}`);
    }
  }
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s+"([^"]+)"/g)].map(
    ([, specifier]) => specifier ?? "",
  );
}

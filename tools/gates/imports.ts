import { dirname, join, normalize } from "node:path";

/** Packages of ours that each package may import, beside itself. The app may import all but the testkit. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  "workload-api": [],
  trust: ["core", "workload-api"],
  store: ["core"],
  server: ["core"],
  client: ["workload-api"],
  testkit: ["core"],
};
/** What pure code may import from outside: neither reaches the world. */
const PURE = new Set([
  "jose",
  "node:crypto",
  "node:zlib",
  "pkijs",
  "asn1js",
  "@sd-jwt/decode",
  "@scure/base",
]);
/** Parts of `node:crypto` that give another answer each time. */
const RANDOM =
  /\b(?:randomBytes|randomFill|randomFillSync|randomInt|randomUUID|getRandomValues|generateKey\w*)\b/;
const AMBIENT =
  /\b(?:Date\.now|Math\.random|new Date\(\)|performance\.|setTimeout|setInterval|setImmediate|queueMicrotask|globalThis|process\.|import\.meta)|(?<![.\w])fetch\(/;
const SOCKETS = /^node:(?:http|https|http2|net|tls|dgram|dns|child_process)$/;
/** Files outside the app that make objects of these modules without listening, or are there to connect. */
const SOCKET_USERS = [
  /^packages\/trust\//,
  /^packages\/testkit\//,
  /^packages\/server\/src\/authorization-server\/inner-request\.ts$/,
  /^packages\/server\/src\/http\/proxy-addresses\.ts$/,
  /^packages\/client\/src\/lib\/https-fetch\.ts$/,
  /^packages\/workload-api\/src\/(?:address|connection|sessions)\.ts$/,
];
const AUTHORIZATION_SERVER = "packages/server/src/authorization-server/";

interface Import {
  readonly specifier: string;
  readonly typesOnly: boolean;
}

/**
 * What is wrong with the imports of one file, one sentence each.
 *
 * @param file - path from the repository's root, like `packages/core/src/errors.ts`
 * @param dependencies - the names in its package's `dependencies`
 */
export function importProblems(
  file: string,
  text: string,
  dependencies: readonly string[],
): readonly string[] {
  const [kind = "", name = "", folder] = file.split("/");
  const imports = importsOf(text);
  const problems = imports
    .filter(({ specifier }) =>
      leavesPackage(file, `${kind}/${name}/`, specifier),
    )
    .map(
      ({ specifier }) => `${specifier} leaves its package; import it by name`,
    );
  // Tests may use what they like, through the front door.
  if (folder !== "test") {
    problems.push(
      ...imports.flatMap((each) => [
        ...directionProblems(file, kind, name, each),
        ...undeclared(name, each, dependencies),
      ]),
      ...ambientProblems(kind, name, text),
    );
  }
  return problems.map((problem) => `${file}: ${problem}`);
}

function leavesPackage(file: string, home: string, specifier: string): boolean {
  return (
    specifier.startsWith(".") &&
    !normalize(join(dirname(file), specifier)).startsWith(home)
  );
}

function* directionProblems(
  file: string,
  kind: string,
  name: string,
  { specifier, typesOnly }: Import,
): Iterable<string> {
  if (specifier.startsWith(".")) return;
  const ours = packageOfOurs(specifier);
  const inPackages = kind === "packages";
  if (ours === "testkit" && name !== "testkit")
    yield "the testkit is for tests";
  else if (
    inPackages &&
    ours !== undefined &&
    ours !== name &&
    ALLOWED[name]?.includes(ours) !== true
  ) {
    yield `${name} may not import ${ours}`;
  }
  if (specifier === "oidc-provider" && !file.startsWith(AUTHORIZATION_SERVER)) {
    yield `oidc-provider stays inside ${AUTHORIZATION_SERVER}`;
  }
  if (name === "core" && ours !== "core" && !PURE.has(specifier)) {
    yield `core may import jose and node:crypto, not ${specifier}`;
  }
  if (
    inPackages &&
    !typesOnly &&
    SOCKETS.test(specifier) &&
    !SOCKET_USERS.some((allowed) => allowed.test(file))
  ) {
    yield `only the app opens sockets; ${specifier}`;
  }
}

/** A package that is not declared works only as long as another brings it along. */
function* undeclared(
  name: string,
  { specifier }: Import,
  dependencies: readonly string[],
): Iterable<string> {
  if (/^(?:\.|node:)/.test(specifier) || packageOfOurs(specifier) === name)
    return;
  const [first = "", second = ""] = specifier.split("/");
  const dependency = first.startsWith("@") ? `${first}/${second}` : first;
  if (!dependencies.includes(dependency))
    yield `${dependency} is not in the package's dependencies`;
}

function* ambientProblems(
  kind: string,
  name: string,
  text: string,
): Iterable<string> {
  const code = withoutText(text);
  const [ambient] = AMBIENT.exec(code) ?? RANDOM.exec(code) ?? [];
  if (name === "core" && ambient !== undefined)
    yield `core is pure; ${ambient} is not`;
  if (kind === "packages" && /\bprocess\.env\b/.test(code))
    yield "only the app reads the environment";
}

function packageOfOurs(specifier: string): string | undefined {
  return /^@accredit\/([^/]+)/.exec(specifier)?.[1];
}

const STATEMENT =
  /^[ \t]*(?:import|export)\s+(?<type>type\s)?[^"';]*?from\s+"(?<from>[^"]+)"/gm;
const BARE = /^[ \t]*import\s+"(?<from>[^"]+)"/gm;
const DYNAMIC = /\b(?:import|require)\(\s*"(?<from>[^"]+)"/g;

function importsOf(text: string): readonly Import[] {
  return [STATEMENT, BARE, DYNAMIC].flatMap((pattern) =>
    [...text.matchAll(pattern)].map(({ groups }) => ({
      specifier: groups?.["from"] ?? "",
      typesOnly: groups?.["type"] !== undefined,
    })),
  );
}

/** The code without its comments and quoted texts, which may name what the code does not use. */
function withoutText(text: string): string {
  return text.replace(
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm,
    '""',
  );
}

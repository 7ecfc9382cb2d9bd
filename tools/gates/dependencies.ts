/** A package.json, as far as this gate reads it. */
export interface DependencyManifest {
  readonly name: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/**
 * Compares the tables of docs/dependencies.md with the package.json files: each dependency has a line, each
 * line a dependency, and the licence is the one the package declares.
 *
 * @param licenseOf - the licence that an installed package declares
 */
export function dependencyProblems(
  document: string,
  manifests: readonly DependencyManifest[],
  licenseOf: (name: string) => string | undefined,
): readonly string[] {
  const lines = linesOf(document);
  const used = new Map<string, string>();
  for (const { name, dependencies, devDependencies } of manifests) {
    for (const dependency of Object.keys({
      ...dependencies,
      ...devDependencies,
    }))
      if (!dependency.startsWith("@accredit/")) used.set(dependency, name);
  }
  return [
    ...[...used]
      .filter(([dependency]) => !lines.has(dependency))
      .map(([dependency, name]) => `${dependency} of ${name} has no line`),
    ...[...lines.keys()]
      .filter((dependency) => !used.has(dependency))
      .map((dependency) => `${dependency} has a line and is not used`),
    ...[...lines].flatMap(([dependency, cells]) => {
      const license = licenseOf(dependency);
      return license === undefined || cells.includes(license)
        ? []
        : [`${dependency} declares the licence ${license}, its line does not`];
    }),
  ];
}

/** The cells of each table line that begins with a package's name. */
function linesOf(document: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...document.matchAll(/^\| `([^`]+)`\s*\|(.*)\|$/gm)].map(
      ([, name = "", rest = ""]) => [
        name,
        rest.split("|").map((cell) => cell.trim()),
      ],
    ),
  );
}

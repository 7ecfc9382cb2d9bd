/** The part of a package.json that says what others may import. */
export interface ExportsManifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, unknown>>;
}

/**
 * What is wrong with a package's export map, one sentence each. Each subpath has a source file, and its
 * types and code are what the build makes of that file.
 *
 * @param exists - whether the package has a file, like `./src/index.ts`
 */
export function exportMapProblems(
  { name, exports = {} }: ExportsManifest,
  exists: (file: string) => boolean,
): readonly string[] {
  return Object.entries(exports).flatMap(([subpath, target]) => {
    const where = `${name} ${subpath}`;
    const { source, types, default: code, ...rest } = asRecord(target);
    const [, stem] =
      /^\.\/src\/(.+)\.ts$/.exec(typeof source === "string" ? source : "") ??
      [];
    if (stem === undefined)
      return [
        `${where}: expected a source of ./src/*.ts, got ${String(source)}`,
      ];
    const expected = {
      types: `./dist/${stem}.d.ts`,
      code: `./dist/${stem}.js`,
    };
    return [
      ...(exists(`./src/${stem}.ts`)
        ? []
        : [`${where}: ./src/${stem}.ts is not there`]),
      ...(types === expected.types
        ? []
        : [`${where}: expected types ${expected.types}, got ${String(types)}`]),
      ...(code === expected.code
        ? []
        : [`${where}: expected default ${expected.code}, got ${String(code)}`]),
      ...Object.keys(rest).map((key) => `${where}: unknown condition ${key}`),
    ];
  });
}

/** Exports are named one by one, so that a reader finds each name and nothing slips out. */
export function exportStatementProblems(
  file: string,
  text: string,
): readonly string[] {
  return [
    ...(/^\s*export\s+(?:type\s+)?\*/m.test(text) ? [`${file}: export *`] : []),
    ...(/^\s*export\s+default\b|\bas default\b/m.test(text)
      ? [`${file}: default export`]
      : []),
  ];
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" ? { ...value } : {};
}

import {
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type Document,
} from "yaml";
import {
  ConfigError,
  formatPath,
  printable,
  type ConfigProblem,
  type KeyPath,
} from "./problem.ts";

/** A configuration larger than this is refused unread. */
export const MAX_CONFIG_BYTES = 1024 * 1024;
const MAX_DEPTH = 16;
const MAX_VALUES = 100_000;
const MAX_ALIASES = 100;
const MAX_REPORTED = 20;
const MAX_OPEN_BRACKETS = 256;
const COMPACT_BLOCKS = /^[ \t]*(?:[-?:][ \t]+){17}/m;

/**
 * Decodes the bytes of a configuration file.
 *
 * @throws {ConfigError} when they are too many or not UTF-8
 */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw fileError(
      "is too large",
      `at most ${MAX_CONFIG_BYTES} bytes of YAML or JSON`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw fileError("is not UTF-8", "YAML or JSON in UTF-8", cause);
  }
}

/**
 * Reads YAML 1.2, of which JSON is a part, into plain values. Repeated keys, tags of one's own, other
 * YAML versions, and depth or size beyond the limits are refused.
 *
 * @throws {ConfigError}
 */
export function parseText(text: string): unknown {
  if (text.length > MAX_CONFIG_BYTES) {
    throw fileError(
      "is too large",
      `at most ${MAX_CONFIG_BYTES} bytes of YAML or JSON`,
    );
  }
  const control = /[^\P{Cc}\t\n\r]/u.exec(text);
  if (control !== null) {
    const line = text.slice(0, control.index).split("\n").length;
    throw fileError(`has a control character on line ${line}`, "plain text");
  }
  refuseDepth(text);
  const value = parseYaml(text);
  checkShape(value, [], { values: 0 });
  return value;
}

/**
 * Refuses depth before the parser recurses into it: open brackets, and the marks of nested blocks in one
 * line. Brackets inside quotes and comments count too, harmlessly few. What escapes this costs the parser
 * time, and it reports a full stack as an error like any other.
 */
function refuseDepth(text: string): void {
  if (COMPACT_BLOCKS.test(text)) throw tooDeep([]);
  let depth = 0;
  for (const char of text) {
    if (char === "[" || char === "{") depth += 1;
    if (char === "]" || char === "}") depth = Math.max(0, depth - 1);
    if (depth > MAX_OPEN_BRACKETS) throw tooDeep([]);
  }
}

function parseYaml(text: string): unknown {
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      version: "1.2",
      schema: "core",
      strict: true,
      // Compares each key with every other; repeatedKeys() finds the same without taking minutes.
      uniqueKeys: false,
      stringKeys: true,
      prettyErrors: false,
      logLevel: "error",
      lineCounter: lines,
    });
  } catch (cause) {
    throw fileError("cannot be parsed", "YAML or JSON", cause);
  }
  // Unknown tags are warnings to the parser; here they are mistakes like any other.
  const faults = [...document.errors, ...document.warnings];
  const problems = [
    ...faults.slice(0, MAX_REPORTED).map(({ message, pos }) => ({
      path: "",
      problem: `line ${lines.linePos(pos[0]).line}: ${printable(message)}`,
      expected: "valid YAML 1.2 or JSON",
    })),
    ...repeatedKeys(document, lines).slice(0, MAX_REPORTED),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  const { explicit, version } = document.directives.yaml;
  if (explicit === true && version !== "1.2") {
    throw fileError(`says it is YAML ${printable(version)}`, "YAML 1.2");
  }
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    throw fileError(
      "has aliases that expand too far",
      "a file of its own size",
      cause,
    );
  }
}

/** The parser keeps one of two values of the same key, and a reader may see the other. */
function repeatedKeys(
  document: Document.Parsed,
  lines: LineCounter,
): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          problems.push({
            path: "",
            problem: `line ${lines.linePos(key.range?.[0] ?? 0).line}: key '${printable(String(key.value))}' comes again`,
            expected: "each key once in a mapping",
          });
        }
        seen.add(key.value);
      }
    },
  });
  return problems;
}

/** Bounds what every later step walks, aliases counted at each place they stand. */
function checkShape(
  value: unknown,
  path: KeyPath,
  seen: { values: number },
): void {
  seen.values += 1;
  if (seen.values > MAX_VALUES) {
    throw fileError("holds too many values", `at most ${MAX_VALUES}`);
  }
  if (value === null || typeof value !== "object") return;
  if (path.length >= MAX_DEPTH) throw tooDeep(path);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      checkShape(item, [...path, index], seen);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    // No key has this name, and objects made of one that does are not what they seem.
    if (key === "__proto__") {
      throw new ConfigError([
        {
          path: formatPath([...path, key]),
          problem: "unknown key",
          expected: "a key of the configuration",
        },
      ]);
    }
    checkShape(item, [...path, key], seen);
  }
}

function tooDeep(path: KeyPath): ConfigError {
  return new ConfigError([
    {
      path: formatPath(path.slice(0, 3)),
      problem: "is nested too deeply",
      expected: `at most ${MAX_DEPTH} levels`,
    },
  ]);
}

function fileError(
  problem: string,
  expected: string,
  cause?: unknown,
): ConfigError {
  return new ConfigError([{ path: "", problem, expected }], { cause });
}

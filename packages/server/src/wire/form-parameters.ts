import { DcrError } from "@accredit/core/errors";

/** RFC 8707 section 2: the one parameter that may stand more than once. */
const REPEATABLE = new Set(["resource"]);
const MAX_PARAMETERS = 64;

/** The parameters of an OAuth form request, each at most once, empty ones left out (RFC 6749 3.2). */
export interface FormParameters {
  get(name: string): string | undefined;
  /** All values of a repeatable parameter. */
  getAll(name: string): readonly string[];
  entries(): Iterable<[string, string]>;
}

/**
 * Reads an `application/x-www-form-urlencoded` body.
 *
 * @throws {DcrError} `request_malformed` on text that is not UTF-8, too many parameters, or a repeated one
 * @see RFC 6749 section 3.2, CAUTH-01
 */
export function parseFormParameters(body: Uint8Array): FormParameters {
  const text = decodeUtf8(body);
  const pairs = [...new URLSearchParams(text)];
  if (pairs.length > MAX_PARAMETERS) {
    throw new DcrError(
      "request_malformed",
      `expected at most ${MAX_PARAMETERS} parameters, got ${pairs.length}`,
    );
  }

  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    if (value.includes("\uFFFD") || name.includes("\uFFFD")) {
      throw new DcrError(
        "request_malformed",
        "expected UTF-8 text in every parameter",
      );
    }
    const present = values.get(name);
    if (present === undefined) {
      values.set(name, [value]);
    } else if (REPEATABLE.has(name)) {
      present.push(value);
    } else {
      throw new DcrError(
        "request_malformed",
        `expected each parameter once, got ${show(name)} repeated`,
      );
    }
  }

  return {
    get: (name) => values.get(name)?.find((value) => value !== ""),
    getAll: (name) => values.get(name)?.filter((value) => value !== "") ?? [],
    entries: function* () {
      for (const [name, list] of values) {
        for (const value of list) if (value !== "") yield [name, value];
      }
    },
  };
}

function decodeUtf8(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      body,
    );
  } catch (cause) {
    throw new DcrError("request_malformed", "expected a UTF-8 form body", {
      cause,
    });
  }
}

/** A parameter name for a message: short and printable, since the caller chose it. */
function show(name: string): string {
  return `'${name.slice(0, 40).replace(/[^\x20-\x7e]/g, "?")}'`;
}

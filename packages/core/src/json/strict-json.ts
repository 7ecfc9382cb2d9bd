import { DcrError } from "../errors.ts";

/** A JSON value as our parser makes it: objects have a null prototype, so no member name is special. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** Bounds on the text: bytes in all, and levels of arrays and objects. */
export interface StrictJsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/**
 * Hears each number that is a member of the outermost object, with the text it was written as: its digits
 * say more than a double holds.
 */
export type RootNumberListener = (name: string, literal: string) => void;

/** A number longer than this is an attack on the parser, not a value. */
const MAX_NUMBER_LENGTH = 64;

/**
 * Parses UTF-8 bytes as JSON (RFC 8259), refusing what `JSON.parse` lets through: a byte order mark, text
 * that is not UTF-8, repeated member names, lone surrogates, numbers that are not finite, and depth or size
 * beyond the limits (SEC-06). Offsets in messages count UTF-16 code units.
 *
 * @throws {DcrError} `json_invalid`
 */
export function parseStrictJson(
  bytes: Uint8Array,
  limits: StrictJsonLimits,
  onRootNumber?: RootNumberListener,
): JsonValue {
  if (bytes.length > limits.maxBytes) {
    throw new DcrError(
      "json_invalid",
      `expected at most ${limits.maxBytes} bytes of JSON, got ${bytes.length}`,
    );
  }
  return new Parser(decode(bytes), limits.maxDepth, onRootNumber).document();
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new DcrError(
      "json_invalid",
      "expected JSON in UTF-8, got bytes that are not",
      { cause },
    );
  }
}

class Parser {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #onRootNumber: RootNumberListener | undefined;
  #at = 0;

  constructor(
    text: string,
    maxDepth: number,
    onRootNumber: RootNumberListener | undefined,
  ) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#onRootNumber = onRootNumber;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at !== this.#text.length) this.#fail("the end of the text");
    return value;
  }

  #value(depth: number): JsonValue {
    this.#skipSpace();
    const code = this.#text.charCodeAt(this.#at);
    switch (code) {
      case 0x7b:
        return this.#object(depth + 1);
      case 0x5b:
        return this.#array(depth + 1);
      case 0x22:
        return this.#string();
      case 0x74:
        return this.#word("true", true);
      case 0x66:
        return this.#word("false", false);
      case 0x6e:
        return this.#word("null", null);
      default:
        if (code === 0x2d || (code >= 0x30 && code <= 0x39))
          return this.#number();
        return this.#fail("a value");
    }
  }

  #object(depth: number): JsonObject {
    this.#checkDepth(depth);
    const object: Record<string, JsonValue> = Object.create(null);
    this.#at++;
    this.#skipSpace();
    if (this.#take(0x7d)) return object;
    for (;;) {
      this.#skipSpace();
      if (this.#text.charCodeAt(this.#at) !== 0x22)
        this.#fail("a member name in double quotes");
      const nameAt = this.#at;
      const name = this.#string();
      if (name in object) {
        this.#at = nameAt;
        this.#refuse("each member name once", "one again");
      }
      this.#skipSpace();
      if (!this.#take(0x3a)) this.#fail("a colon");
      this.#skipSpace();
      const valueAt = this.#at;
      const value = this.#value(depth);
      if (depth === 1 && typeof value === "number")
        this.#onRootNumber?.(name, this.#text.slice(valueAt, this.#at));
      object[name] = value;
      this.#skipSpace();
      if (this.#take(0x7d)) return object;
      if (!this.#take(0x2c)) this.#fail("a comma or the end of the object");
    }
  }

  #array(depth: number): readonly JsonValue[] {
    this.#checkDepth(depth);
    const array: JsonValue[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#take(0x5d)) return array;
    for (;;) {
      array.push(this.#value(depth));
      this.#skipSpace();
      if (this.#take(0x5d)) return array;
      if (!this.#take(0x2c)) this.#fail("a comma or the end of the array");
    }
  }

  /** Finds the closing quote; JSON.parse then reads the one literal, escapes and all. */
  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let simple = true;
    for (let at = start + 1; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.#at = at + 1;
        return simple
          ? text.slice(start + 1, at)
          : this.#unescape(start, at + 1);
      }
      if (code === 0x5c) {
        simple = false;
        at++;
      } else if (code < 0x20) {
        this.#at = at;
        this.#fail("no control character in a string");
      }
    }
    return this.#fail("the end of a string");
  }

  #unescape(start: number, end: number): string {
    let value: string;
    try {
      value = JSON.parse(this.#text.slice(start, end)) as string;
    } catch {
      this.#at = start;
      return this.#refuse("a string with valid escapes", "an invalid one");
    }
    if (!value.isWellFormed()) {
      this.#at = start;
      this.#refuse("a string without lone surrogates", "one");
    }
    return value;
  }

  #number(): number {
    const pattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
    pattern.lastIndex = this.#at;
    const literal = pattern.exec(this.#text)?.[0];
    if (literal === undefined) return this.#fail("a number");
    const value =
      literal.length > MAX_NUMBER_LENGTH ? Number.NaN : Number(literal);
    if (!Number.isFinite(value))
      this.#refuse(
        `a finite number of at most ${MAX_NUMBER_LENGTH} characters`,
        "another",
      );
    this.#at += literal.length;
    return value;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail("a value");
    this.#at += word.length;
    return value;
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09)
        return;
      this.#at++;
    }
  }

  #checkDepth(depth: number): void {
    if (depth > this.#maxDepth)
      this.#refuse(
        `at most ${this.#maxDepth} levels of arrays and objects`,
        "one more",
      );
  }

  #fail(expected: string): never {
    return this.#refuse(expected, characterAt(this.#text, this.#at));
  }

  #refuse(expected: string, came: string): never {
    throw new DcrError(
      "json_invalid",
      `expected ${expected} at offset ${this.#at}, got ${came}`,
    );
  }
}

/** One character, as a message may show it. */
function characterAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  if (code === undefined) return "the end of the text";
  if (code > 0x20 && code < 0x7f) return `'${String.fromCharCode(code)}'`;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

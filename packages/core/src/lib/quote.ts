import type { JsonValue } from "../json/index.ts";

const MAX_LENGTH = 80;
/**
 * The header of a JOSE token, which begins with `{"`, and some of what follows it. Only one that begins
 * where a message would show it counts: looking for others would cost time in the square of the length.
 */
const TOKEN_LIKE = /^.{0,79}?ey[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10}/s;

/**
 * A value of the caller's as a message may show it: in quotes, printable ASCII, short, and never one that
 * looks like a token, since callers put credentials where they do not belong.
 */
export function quote(value: string): string {
  if (TOKEN_LIKE.test(value)) return "something like a token";
  const printable = value.slice(0, MAX_LENGTH).replace(/[^\x20-\x7e]/g, "?");
  return `'${printable}'`;
}

/** The JSON type of a value, in words; `none` where there is no value. */
export function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return "none";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** A value of the caller's, as far as a message may show it: strings quoted, of others the type. */
export function shown(value: JsonValue | undefined): string {
  return typeof value === "string" ? quote(value) : kindOf(value);
}

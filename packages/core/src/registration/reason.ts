import type { DcrErrorCode } from "../errors.ts";
import { quote } from "../lib/quote.ts";

/** One reason for a refusal: which field or rule, what was expected, what came. */
export interface Reason {
  readonly code: DcrErrorCode;
  /** The metadata name, or `subject`. */
  readonly field: string;
  readonly message: string;
}

/** What a value should have been, and what it was; neither quotes the value. */
export interface Mismatch {
  readonly expected: string;
  readonly got: string;
}

const MAX_MESSAGE = 400;
const MAX_LISTED = 8;

/** A reason whose message begins with the field it is about: printable ASCII, at most 400 characters. */
export function reason(
  code: DcrErrorCode,
  field: string,
  message: string,
): Reason {
  return { code, field, message: bounded(`${field}: ${message}`, MAX_MESSAGE) };
}

/** Text as printable ASCII of at most `limit` characters. */
export function bounded(text: string, limit: number): string {
  const ascii = text.replace(/[^\x20-\x7e]/g, "?");
  return ascii.length <= limit ? ascii : `${ascii.slice(0, limit - 3)}...`;
}

/** The first few values of a list, quoted; `none` for an empty one. */
export function quoted(values: readonly string[]): string {
  if (values.length === 0) return "none";
  const shown = values.slice(0, MAX_LISTED).map(quote);
  const rest = values.length - shown.length;
  return rest > 0 ? `${shown.join(" ")} and ${rest} more` : shown.join(" ");
}

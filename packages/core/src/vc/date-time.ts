import type { JsonValue } from "../json/index.ts";
import { kindOf, shown } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";

const DATE_TIME =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?$/;
const MAX_OFFSET_MINUTES = 14 * 60;

/**
 * A date and time as credentials write it, in epoch seconds with their fraction. Without an offset it is
 * UTC, as the data model says of old credentials.
 *
 * @throws {DcrError} `claims_invalid`
 * @see Verifiable Credentials Data Model 2.0 section 4.9; XML Schema 1.1 part 2 section 3.4.28
 */
export function readDateTime(value: JsonValue, name: string): number {
  return (
    (typeof value === "string" ? parse(value) : undefined) ??
    refuse(
      "claims_invalid",
      `${name} to be a date and time like 2030-01-31T12:00:00Z`,
      shown(value),
    )
  );
}

function parse(text: string): number | undefined {
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map(Number);
  const offset = offsetMinutes(match[8] ?? "Z");
  if (hour > 23 || minute > 59 || second > 59 || offset === undefined)
    return undefined;
  const date = new Date(Date.UTC(year, month - 1, day));
  // Years below 100 and days that a month does not have come out as others.
  if (
    date.getUTCFullYear() !== year ||
    date.getUTCMonth() !== month - 1 ||
    date.getUTCDate() !== day
  )
    return undefined;
  const seconds = hour * 3600 + (minute - offset) * 60 + second;
  return date.getTime() / 1000 + seconds + Number(match[7] ?? 0);
}

function offsetMinutes(offset: string): number | undefined {
  if (offset === "Z") return 0;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(4));
  const total = hours * 60 + minutes;
  if (minutes > 59 || total > MAX_OFFSET_MINUTES) return undefined;
  return offset.startsWith("-") ? -total : total;
}

/**
 * A NumericDate in whole seconds: a fraction or an exponent would be a trap for other parsers.
 *
 * @throws {DcrError} `claims_invalid`
 * @see RFC 7519 section 2
 */
export function readNumericDate(value: JsonValue, name: string): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? value
    : refuse(
        "claims_invalid",
        `${name} to be whole epoch seconds`,
        kindOf(value),
      );
}

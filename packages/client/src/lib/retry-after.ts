const MAX_SECONDS = 86_400;

/**
 * The seconds that `Retry-After` asks for, a day at most; undefined where it says nothing sensible. A date
 * counts from the answer's own `Date`, so that this machine's clock has no say.
 *
 * @see RFC 9110 section 10.2.3
 */
export function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (value === undefined || value === "") return undefined;
  const seconds = /^\d{1,15}$/.test(value)
    ? Number(value)
    : (Date.parse(value) - Date.parse(headers.get("date") ?? "")) / 1000;
  return Number.isFinite(seconds)
    ? Math.min(Math.max(seconds, 0), MAX_SECONDS)
    : undefined;
}

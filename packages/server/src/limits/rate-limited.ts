import { DcrError } from "@accredit/core/errors";

/** The refusal of whoever went over a limit; `seconds` is when it is worth trying again. */
export function rateLimited(
  what: string,
  seconds: number,
  cause?: unknown,
): DcrError {
  return new DcrError(
    "rate_limited",
    `too many ${what}: try again when Retry-After says`,
    {
      data: { retryAfterSeconds: Math.max(1, Math.ceil(seconds)) },
      cause,
    },
  );
}

import { AccreditClientError, type AccreditClientErrorCode } from "../error.ts";
import type { Answer } from "./exchange.ts";
import { redact } from "./redact.ts";
import { readRetryAfter } from "./retry-after.ts";

/** Whether a status says "later" and nothing about the request. */
export function isTemporary(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status < 600);
}

/**
 * The error for an answer that is not the one hoped for.
 *
 * @param refused - the code where the server says no by a client error with an OAuth `error`
 * @param secrets - credentials in the request, which the server may have echoed
 */
export function refusal(
  what: string,
  answer: Answer,
  refused: AccreditClientErrorCode = "response_invalid",
  secrets: readonly string[] = [],
): AccreditClientError {
  const { status, body, headers, got } = answer;
  const oauthError = textOf(body?.["error"], secrets, 80);
  const description = textOf(body?.["error_description"], secrets, 800);
  const details = { status, oauthError, description };
  const said = [oauthError, description]
    .filter((text) => text !== undefined)
    .join(": ");
  if (isTemporary(status)) {
    return new AccreditClientError(
      "temporarily_unavailable",
      `${what}: the server cannot answer now, HTTP ${status} ${said}`.trimEnd(),
      { ...details, retryAfterSeconds: readRetryAfter(headers) },
    );
  }
  if (oauthError !== undefined && status >= 400 && status < 500) {
    return new AccreditClientError(
      refused,
      `${what} refused: HTTP ${status} ${said}`,
      details,
    );
  }
  return new AccreditClientError("response_invalid", `${what}: got ${got}`, {
    status,
  });
}

function textOf(
  value: unknown,
  secrets: readonly string[],
  maxLength: number,
): string | undefined {
  return typeof value === "string" && value !== ""
    ? redact(value, secrets, maxLength)
    : undefined;
}

/** Why a call of this package gave nothing, as a closed set of stable codes. */
export type AccreditClientErrorCode =
  /** The issuer given is not a URL that credentials may be sent to. Nothing was sent. */
  | "issuer_invalid"
  /** The metadata document lacks what is needed, or names an endpoint that may not be used. */
  | "metadata_invalid"
  /** The metadata document is another issuer's (RFC 8414 section 3.3). */
  | "issuer_mismatch"
  /** The Workload API gave no SVID; `cause` says why. Worth trying again, with backoff. */
  | "svid_unavailable"
  /** The server refuses the registration; `oauthError` and `description` say why. */
  | "registration_refused"
  /** The server refuses the token; `oauthError` and `description` say why. */
  | "token_refused"
  /** The server, or what is in front of it, cannot answer now (408, 429, 5xx). Worth trying again. */
  | "temporarily_unavailable"
  /** No answer, or not all of it in time. Worth trying again, with backoff. */
  | "server_unreachable"
  /** The answer is not one that the protocol allows. */
  | "response_invalid"
  /** The token source is closed. */
  | "closed";

/** What is known of a failure beside its code. */
export interface AccreditClientErrorDetails {
  /** HTTP status of the answer. */
  readonly status?: number | undefined;
  /** The server's `error` (RFC 6749 section 5.2, RFC 7591 section 3.2.2). */
  readonly oauthError?: string | undefined;
  /** The server's `error_description`, without credentials and control characters. */
  readonly description?: string | undefined;
  /** Seconds to wait before trying again, where somebody said so. */
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}

/** A failed call of this package. No message or member of it holds a credential. */
export class AccreditClientError extends Error {
  override readonly name = "AccreditClientError";
  readonly code: AccreditClientErrorCode;
  readonly status: number | undefined;
  readonly oauthError: string | undefined;
  readonly description: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: AccreditClientErrorCode,
    message: string,
    details: AccreditClientErrorDetails = {},
  ) {
    const { cause } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = details.status;
    this.oauthError = details.oauthError;
    this.description = details.description;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** Why a call of the Workload API gave nothing, as a closed set of stable codes. */
export type WorkloadApiErrorCode =
  /** No address was given. */
  | "address_missing"
  /** The address is not one the standard allows. */
  | "address_invalid"
  /** Nothing listens there, or the connection was lost. Worth trying again, with backoff. */
  | "unreachable"
  /** The operating system does not let this process open the socket. */
  | "socket_forbidden"
  /** The endpoint has no identity for this process (yet). Worth trying again, with backoff. */
  | "no_identity"
  /** The endpoint refuses the request as it is. Trying again is pointless. */
  | "invalid_argument"
  /** The endpoint does not serve this call. Trying again is pointless. */
  | "unimplemented"
  /** The endpoint ended a stream without an error. Worth calling again at once. */
  | "stream_ended"
  /** A stream's message holds nothing: what came before it must not be used any more. */
  | "redacted"
  /** No answer in time. */
  | "deadline_exceeded"
  /** The answer lacks a mandatory field, or is not an answer to the question. */
  | "response_invalid"
  /** The caller's signal aborted the call, or the client is closed. */
  | "aborted"
  /** Any other failure that the endpoint reports. */
  | "failed";

/** A failed call of the Workload API; `message` tells an operator what to look at. */
export class WorkloadApiError extends Error {
  override readonly name = "WorkloadApiError";
  readonly code: WorkloadApiErrorCode;

  constructor(code: WorkloadApiErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

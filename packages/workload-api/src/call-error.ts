import { Code, ConnectError } from "@connectrpc/connect";
import { WorkloadApiError, type WorkloadApiErrorCode } from "./error.ts";
import { printable } from "./printable.ts";

/** Translates what the gRPC library threw from a call to `address`. */
export function workloadApiErrorFrom(
  error: unknown,
  address: string,
): WorkloadApiError {
  if (error instanceof WorkloadApiError) return error;
  const at = `Workload API at ${printable(address)}`;
  const make = (code: WorkloadApiErrorCode, text: string): WorkloadApiError =>
    new WorkloadApiError(code, `${at}: ${text}`, error);

  const system = connectFailure(error);
  if (system === "EACCES" || system === "EPERM") {
    return make(
      "socket_forbidden",
      `this process may not open the socket (${system}); check its owner and mode`,
    );
  }
  if (system === "ENOENT") {
    return make(
      "unreachable",
      "the socket does not exist; is the agent running, and is its socket mounted here?",
    );
  }
  if (system !== undefined) {
    return make("unreachable", `nothing accepts connections there (${system})`);
  }

  const { code, rawMessage, metadata } = ConnectError.from(error);
  const said = printable(rawMessage, 200);
  // What the library finds wrong itself has a status too, which the endpoint never gave.
  const isTheirs = metadata.has("grpc-status");
  if (!isTheirs && BROKEN_OFF.test(rawMessage))
    return make("unreachable", `the connection broke off: ${said}`);
  if (!isTheirs && FINAL.has(code) && !/^HTTP \d/.test(rawMessage))
    return make("response_invalid", `the answer is not one of gRPC: ${said}`);
  const [ours, text] = STATUS.get(code) ?? [
    "failed" as const,
    `the call failed with ${Code[code]}`,
  ];
  return make(ours, `${text}: ${said}`);
}

/** What the library says of an answer that stops before its end. */
const BROKEN_OFF =
  /incomplete envelope|missing status|missing trailer|promised \d+ bytes/;

/** Statuses that say that trying again is pointless: the endpoint's own word is wanted for that, or HTTP's 404. */
const FINAL: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.Unimplemented,
]);

/** What a gRPC status means here. A caller's own abort is recognised before this is asked. */
const STATUS: ReadonlyMap<Code, readonly [WorkloadApiErrorCode, string]> =
  new Map([
    [
      Code.PermissionDenied,
      [
        "no_identity",
        "no identity is issued to this process; is it registered? The endpoint says",
      ],
    ],
    [Code.InvalidArgument, ["invalid_argument", "the request was refused"]],
    [Code.Unimplemented, ["unimplemented", "the call is not served there"]],
    [Code.DeadlineExceeded, ["deadline_exceeded", "no answer in time"]],
    // Canceled and Aborted are what a connection that breaks in mid-call looks like.
    [Code.Canceled, ["unreachable", "the connection failed"]],
    [Code.Aborted, ["unreachable", "the connection failed"]],
    [Code.Unavailable, ["unreachable", "the connection failed"]],
  ]);

/** The system's error code where opening the connection failed, searched through the causes. */
function connectFailure(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    if (
      "syscall" in current &&
      current.syscall === "connect" &&
      "code" in current &&
      typeof current.code === "string"
    ) {
      return current.code;
    }
    current = current.cause;
  }
  return undefined;
}

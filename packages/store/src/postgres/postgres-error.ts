import { DatabaseError } from "pg";
import type { FailureKind } from "../lib/failure.ts";

/** SQLSTATE codes, or their first two characters, and what they mean for a write. */
const KINDS: ReadonlyMap<string, FailureKind> = new Map([
  ["53100", "disk_full"],
  ["55P03", "busy"], // lock_not_available: the lock_timeout
  ["57014", "busy"], // query_canceled: the statement_timeout
  ["40", "busy"], // serialization_failure, deadlock_detected, ...
  ["08", "unreachable"],
  ["53", "unreachable"], // too_many_connections, out_of_memory
  ["57", "unreachable"], // shutdown, crash, not yet started
  ["58", "unreachable"], // system_error: another server may take over
  ["28", "unreachable"], // a password that was changed
  ["3D", "unreachable"],
  ["25", "unreachable"], // read-only: a standby; idle in transaction for too long
  ["XX", "unreachable"],
]);

/** Sorts an error of the driver by what has to happen next. */
export function classifyPostgresFailure(error: unknown): FailureKind {
  // The driver's own errors: no connection, or no answer in time.
  if (!(error instanceof DatabaseError) || error.code === undefined)
    return "unreachable";
  return (
    KINDS.get(error.code) ?? KINDS.get(error.code.slice(0, 2)) ?? "refused"
  );
}

/** Whether the same transaction may succeed when it is run again. */
export function isWorthRetrying(error: unknown): boolean {
  return (
    error instanceof DatabaseError && error.code?.startsWith("40") === true
  );
}

/** One line for logs: the server's words and its SQLSTATE. Never the values of a row. */
export function describePostgresFailure(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return describePostgresFailure(error.errors[0]);
  const text = error instanceof Error ? error.message : String(error);
  return error instanceof DatabaseError && error.code !== undefined
    ? `${text} (SQLSTATE ${error.code})`
    : text;
}

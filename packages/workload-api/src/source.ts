import { setTimeout as delay } from "node:timers/promises";
import type { SourceClock } from "./backoff.ts";
import { createBackoff } from "./backoff.ts";
import type { WatchSettings } from "./calls.ts";
import type { WorkloadApiClient } from "./client.ts";
import { createWorkloadApiClient } from "./client.ts";
import { WorkloadApiError } from "./error.ts";
import type { WorkloadApiErrorCode } from "./error.ts";
import type { ChangeListener } from "./state.ts";
import { callSafely, keepState } from "./state.ts";

/** What a source is made of: a client, which stays the caller's, or the address for one of its own. */
export interface SourceOptions {
  readonly client?: WorkloadApiClient | undefined;
  /** As `createWorkloadApiClient` takes it; not used where there is a client. */
  readonly address?: string | undefined;
  /** How long a stream may wait for its first message, in milliseconds; not used where there is a client. */
  readonly deadlineMs?: number | undefined;
  /** Closes the source when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Is told of every failure and every discarded message, also where the source goes on by itself. */
  readonly onError?: ((error: WorkloadApiError) => void) | undefined;
  /** Default: the system's. */
  readonly clock?: SourceClock | undefined;
  /** From 0 to below 1; spreads retries. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** Always has what the Workload API said last. Close it when it is not needed any more. */
export interface WorkloadApiSource<State> {
  /**
   * The newest state. Undefined while there is nothing to use: before the first message, when the
   * endpoint has taken everything back (WAPI-10), and once the source is closed or has stopped.
   */
  current(): State | undefined;
  /** What is wrong at present: why there is no state, or why it may be old. Undefined if nothing is. */
  error(): WorkloadApiError | undefined;
  /**
   * The current state, or the first one that comes.
   *
   * @throws {WorkloadApiError} `invalid_argument` or `unimplemented` if the source stopped for good;
   * `aborted` if the signal aborts, or the source or its client closes
   */
  ready(signal?: AbortSignal): Promise<State>;
  /**
   * Tells of each change from now on; undefined says that there is nothing to use any more. The same
   * state again, after a reconnection, is no change.
   *
   * @returns takes the listener away
   */
  onChange(listener: ChangeListener<State>): () => void;
  /**
   * The changes, the present state first. Who is slow misses states in between, never the newest. Ends
   * like `ready` rejects, but without an error where signal or source are at an end.
   */
  changes(signal?: AbortSignal): AsyncIterable<State | undefined>;
  /** Ends the stream and forgets the state, keys included. */
  close(): void;
}

/** Trying again would give the same: the caller, or the endpoint, is not made for this (WAPI-11). */
const FINAL: ReadonlySet<WorkloadApiErrorCode> = new Set([
  "invalid_argument",
  "unimplemented",
]);

/**
 * Follows a stream for as long as it is open, and opens it again when it is over.
 *
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 */
export function createSource<State>(
  options: SourceOptions,
  watch: (
    client: WorkloadApiClient,
    settings: WatchSettings,
  ) => AsyncIterable<State>,
): WorkloadApiSource<State> {
  const { clock = SYSTEM_CLOCK, random = Math.random } = options;
  const client = options.client ?? createWorkloadApiClient(options);
  const kept = keepState<State>();
  const closing = new AbortController();
  const backoff = createBackoff();
  let problem: WorkloadApiError | undefined;

  const report = (error: WorkloadApiError): void => {
    problem = error;
    callSafely(() => options.onError?.(error));
  };
  const onInvalid = (error: WorkloadApiError): void => {
    if (error.code === "redacted") kept.set(undefined);
    report(error);
  };
  const end = (reason?: WorkloadApiError): void => {
    options.signal?.removeEventListener("abort", close);
    closing.abort();
    if (options.client === undefined) client.close();
    kept.end(reason);
  };
  function close(): void {
    if (!closing.signal.aborted) problem = CLOSED;
    end();
  }

  /** One stream, from call to end. How long to wait for the next one, in ms; undefined: there is none. */
  const follow = async (): Promise<number | undefined> => {
    try {
      const { signal } = closing;
      for await (const state of watch(client, { signal, onInvalid })) {
        backoff.succeeded();
        problem = undefined;
        kept.set(state);
      }
      // Only a signal ends it like this: ours, or the client was closed.
      close();
      return undefined;
    } catch (error) {
      const failure = asWorkloadApiError(error);
      if (failure.code === "stream_ended") {
        const wait = backoff.ended(clock.now(), random());
        if (wait > 0) report(failure);
        return wait;
      }
      // No identity any more is the endpoint's way to take everything back.
      if (failure.code === "no_identity") kept.set(undefined);
      report(failure);
      if (!FINAL.has(failure.code)) return backoff.failed(random());
      end(failure);
      return undefined;
    }
  };
  const run = async (): Promise<void> => {
    for (;;) {
      const wait = await follow();
      if (wait === undefined || closing.signal.aborted) return;
      if (wait > 0) await clock.sleep(wait, closing.signal);
    }
  };

  if (options.signal?.aborted === true) close();
  else {
    options.signal?.addEventListener("abort", close, { once: true });
    // Rejects only where the clock does: when the source is closed.
    run().catch(close);
  }
  return {
    current: () => kept.current(),
    error: () => problem,
    ready: (signal) => kept.ready(signal),
    onChange: (listener) => kept.onChange(listener),
    changes: (signal) => kept.changes(signal),
    close,
  };
}

const CLOSED = new WorkloadApiError(
  "aborted",
  "the Workload API source is closed",
);

const SYSTEM_CLOCK: SourceClock = {
  now: () => Math.floor(Date.now() / 1000),
  sleep: (ms, signal) => delay(ms, undefined, { signal }),
};

function asWorkloadApiError(error: unknown): WorkloadApiError {
  return error instanceof WorkloadApiError
    ? error
    : new WorkloadApiError("failed", "following the stream failed", error);
}

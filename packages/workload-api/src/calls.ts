import type { CallOptions } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import { workloadApiErrorFrom } from "./call-error.ts";
import { WorkloadApiError } from "./error.ts";

/** How a call may end early. */
export interface CallSettings {
  readonly signal?: AbortSignal | undefined;
}

/** How to follow a stream. */
export interface WatchSettings extends CallSettings {
  /**
   * Is told of a message that is discarded (`response_invalid`), or takes everything back (`redacted`);
   * the stream then goes on. Without it such a message ends the iteration with its error.
   */
  readonly onInvalid?: ((error: WorkloadApiError) => void) | undefined;
}

/** Makes calls that end with their signal, with the client, or at the deadline. */
export interface Caller {
  /** One question, one answer. */
  ask<Response, Value>(
    call: (options: CallOptions) => Promise<Response>,
    read: (response: Response) => Value,
    settings: CallSettings,
  ): Promise<Value>;
  /** A stream; each message replaces the one before. */
  watch<Response, State>(
    call: (options: CallOptions) => AsyncIterable<Response>,
    read: (response: Response) => State,
    settings?: WatchSettings,
  ): AsyncGenerator<State, void, void>;
  /** The first message of a stream, which is then left. */
  first<Response, State>(
    call: (options: CallOptions) => AsyncIterable<Response>,
    read: (response: Response) => State,
    settings?: CallSettings,
  ): Promise<State>;
}

/**
 * @param closing - aborts when the client closes
 * @param deadlineMs - how long an answer, or a stream's first message, may take
 */
export function createCaller(
  address: string,
  closing: AbortSignal,
  deadlineMs: number,
): Caller {
  const either = (signal: AbortSignal | undefined): AbortSignal =>
    signal === undefined ? closing : AbortSignal.any([closing, signal]);
  const aborted = (): WorkloadApiError =>
    new WorkloadApiError(
      "aborted",
      closing.aborted
        ? "the Workload API client is closed"
        : "the call was aborted",
    );

  async function* watch<Response, State>(
    call: (options: CallOptions) => AsyncIterable<Response>,
    read: (response: Response) => State,
    { signal, onInvalid }: WatchSettings = {},
  ): AsyncGenerator<State, void, void> {
    const ended = either(signal);
    if (ended.aborted) return;
    const stop = new AbortController();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      stop.abort();
    }, deadlineMs);
    try {
      for await (const response of call({
        signal: AbortSignal.any([ended, stop.signal]),
      })) {
        clearTimeout(timer);
        let state: State;
        try {
          state = read(response);
        } catch (error) {
          const problem = workloadApiErrorFrom(error, address);
          if (onInvalid === undefined) throw problem;
          onInvalid(problem);
          continue;
        }
        if (ended.aborted) return;
        yield state;
      }
    } catch (error) {
      if (ended.aborted) return;
      throw workloadApiErrorFrom(late ? noFirstMessage() : error, address);
    } finally {
      clearTimeout(timer);
      // Leaving the loop early does not by itself end the stream underneath.
      stop.abort();
    }
    if (ended.aborted) return;
    throw new WorkloadApiError(
      "stream_ended",
      `the Workload API at ${address} ended the stream`,
    );
  }

  return {
    watch,
    async ask(call, read, { signal }) {
      const ended = either(signal);
      if (ended.aborted) throw aborted();
      try {
        return read(await call({ signal: ended, timeoutMs: deadlineMs }));
      } catch (error) {
        if (ended.aborted) throw aborted();
        throw workloadApiErrorFrom(error, address);
      }
    },
    async first(call, read, { signal } = {}) {
      for await (const state of watch(call, read, { signal })) return state;
      throw aborted();
    },
  };
}

function noFirstMessage(): ConnectError {
  return new ConnectError("no first message", Code.DeadlineExceeded);
}

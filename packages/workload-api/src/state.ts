import { isDeepStrictEqual } from "node:util";
import { WorkloadApiError } from "./error.ts";

/** Is told of each change; undefined: there is nothing to use any more. */
export type ChangeListener<State> = (state: State | undefined) => void;

/** The newest state of a stream and who waits for the next one. */
export interface KeptState<State> {
  current(): State | undefined;
  ready(signal?: AbortSignal): Promise<State>;
  onChange(listener: ChangeListener<State>): () => void;
  changes(signal?: AbortSignal): AsyncIterable<State | undefined>;
  /** Takes a state, or none; tells of it if it differs from the one before. */
  set(state: State | undefined): void;
  /** There will be no other state. Tells the listeners if one is lost by it and an error is the reason. */
  end(reason: WorkloadApiError | undefined): void;
}

/** Keeps a state, at first none. */
export function keepState<State>(): KeptState<State> {
  const listeners = new Set<ChangeListener<State>>();
  let state: State | undefined;
  let version = 0;
  let over: { readonly reason: WorkloadApiError | undefined } | undefined;
  /** Who waits for the next change; who gives up is gone from here. */
  const waiting = new Set<() => void>();

  const wake = (): void => {
    version += 1;
    for (const go of waiting) go();
  };
  const changed = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve) => {
      const finish = (): void => {
        waiting.delete(finish);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      waiting.add(finish);
      signal?.addEventListener("abort", finish, { once: true });
      if (signal?.aborted === true) finish();
    });
  const set = (next: State | undefined): void => {
    if (over !== undefined || isDeepStrictEqual(state, next)) return;
    state = next;
    wake();
    const told = [...listeners];
    for (const listener of told) callSafely(() => listener(next));
  };

  async function* changes(
    signal?: AbortSignal,
  ): AsyncGenerator<State | undefined, void, void> {
    let seen = 0;
    for (;;) {
      if (signal?.aborted === true) return;
      if (seen !== version && over === undefined) {
        seen = version;
        yield state;
      } else if (over !== undefined) {
        if (over.reason !== undefined) throw over.reason;
        return;
      } else {
        await changed(signal);
      }
    }
  }

  return {
    set,
    changes,
    current: () => state,
    async ready(signal) {
      for await (const next of changes(signal)) {
        if (next !== undefined) return next;
      }
      throw new WorkloadApiError(
        "aborted",
        signal?.aborted === true
          ? "waiting for the Workload API was aborted"
          : "the Workload API source is closed",
      );
    },
    onChange(listener) {
      // A function of its own, so that one listener can be added twice and removed once.
      const own: ChangeListener<State> = (next) => listener(next);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    end(reason) {
      if (over !== undefined) return;
      if (reason === undefined) listeners.clear();
      set(undefined);
      over = { reason };
      listeners.clear();
      wake();
    },
  };
}

/** Runs a listener of the caller's: what it throws is uncaught, as with any listener, and stops nothing here. */
export function callSafely(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

import { setTimeout as delay } from "node:timers/promises";

/** The machine's clock. */
export const systemClock = {
  /** Epoch seconds, whole. */
  now: (): number => Math.floor(Date.now() / 1000),
  /** Resolves after `ms` milliseconds, or rejects when the signal aborts; keeps no process alive. */
  sleep: async (ms: number, signal: AbortSignal): Promise<void> => {
    await delay(ms, undefined, { signal, ref: false });
  },
};

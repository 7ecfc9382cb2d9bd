import { setTimeout } from "node:timers/promises";
import type { Clock } from "@accredit/core/ports";
import type { DevAuthorities } from "./authorities.ts";

/** What holds now. */
export interface Current<T> {
  readonly value: T;
  /** Until when at most, epoch seconds; until a change of the authorities where absent. */
  readonly until?: number;
}

/** What tells that something changed. */
export interface FollowSettings {
  readonly authorities: DevAuthorities;
  readonly clock: Clock;
  /** Waits so many milliseconds; rejects when the signal aborts. */
  readonly sleep: Sleep;
}

/** Waits so many milliseconds; rejects when the signal aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<unknown>;

/** Longer sleeps are cut, since timers stand still while a computer sleeps and the time does not. */
const MAX_SLEEP_MS = 60_000;

/** This machine's timers. */
export const systemSleep: Sleep = (ms, signal) =>
  setTimeout(ms, undefined, { signal });

/**
 * Gives a value at once and again whenever it became another one, until the signal aborts.
 *
 * @param same - tells a value from its successor; what gives the same text is not given again
 */
export async function* follow<T>(
  { authorities, clock, sleep }: FollowSettings,
  signal: AbortSignal,
  read: () => Promise<Current<T>> | Current<T>,
  same: (value: T) => string,
): AsyncGenerator<T> {
  let sent: string | undefined;
  while (!signal.aborted) {
    const version = authorities.version();
    const { value, until } = await read();
    const text = same(value);
    if (text !== sent) {
      sent = text;
      yield value;
    }
    if (authorities.version() !== version) continue;
    const waiting = new AbortController();
    const either = AbortSignal.any([signal, waiting.signal]);
    const waits: Promise<unknown>[] = [authorities.nextChange(either)];
    if (until !== undefined) {
      const ms = Math.max(0, until - clock.now()) * 1000;
      waits.push(sleep(Math.min(ms, MAX_SLEEP_MS), either));
    }
    // An abort ends the waiting, too; the loop sees it.
    await Promise.race(waits).catch(() => undefined);
    waiting.abort();
  }
}

import type { Clock } from "@accredit/client";

/** Two clocks that a test moves. */
export class FakeTimes implements Clock {
  #now = 1_750_000_000;
  #steady = 5;

  now(): number {
    return this.#now;
  }

  steady(): number {
    return this.#steady;
  }

  /** Lets time pass. */
  pass(seconds: number): void {
    this.#now += seconds;
    this.#steady += seconds;
  }

  /** Sets the time of day, as an operator or NTP does. */
  step(seconds: number): void {
    this.#now += seconds;
  }

  /** The machine sleeps: the steady clock stands still. */
  suspend(seconds: number): void {
    this.#now += seconds;
  }
}

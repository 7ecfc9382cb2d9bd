interface Sleeper {
  readonly wakeAt: number;
  readonly wake: () => void;
}

/** A clock that a test moves, from 1750000000 on; sleeping on it takes no real time. */
export class FakeClock {
  /** The length of each sleep begun so far, in seconds. */
  readonly sleeps: number[] = [];
  #now = 1_750_000_000;
  readonly #sleepers = new Set<Sleeper>();
  #whenAsleep: { readonly count: number; readonly tell: () => void }[] = [];

  /** Epoch seconds, whole. */
  now(): number {
    return Math.floor(this.#now);
  }

  /** Resolves when the test has moved the time so far; rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener("abort", onAbort);
        settle();
      };
      const onAbort = (): void =>
        finish(() => reject(new DOMException("aborted", "AbortError")));
      const sleeper: Sleeper = {
        wakeAt: this.#now + ms / 1000,
        wake: () => finish(resolve),
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) return onAbort();
      this.sleeps.push(ms / 1000);
      this.#tellWhoWaits();
    });
  }

  /** Moves the time by so many seconds and wakes who is due. */
  advance(seconds: number): void {
    this.#now += seconds;
    for (const sleeper of this.#sleepers) {
      if (sleeper.wakeAt <= this.#now) sleeper.wake();
    }
  }

  /** Resolves once so many sleep: then so many loops are between two attempts. */
  asleep(count = 1): Promise<void> {
    return new Promise((tell) => {
      this.#whenAsleep.push({ count, tell });
      this.#tellWhoWaits();
    });
  }

  /** Moves the time by so many seconds and waits until so many sleep again. */
  async pass(seconds: number, count = 1): Promise<void> {
    this.advance(seconds);
    await this.asleep(count);
  }

  #tellWhoWaits(): void {
    this.#whenAsleep = this.#whenAsleep.filter(({ count, tell }) => {
      if (this.#sleepers.size < count) return true;
      tell();
      return false;
    });
  }
}

/** Runs work so that only so much of it goes on at one time, in all and for one host. */
export class FetchLimits {
  readonly #total: number;
  readonly #perHost: number;
  readonly #running = new Map<string, number>();
  #active = 0;
  /** In the order they came. */
  readonly #waiting: { readonly host: string; readonly start: () => void }[] =
    [];

  constructor(total: number, perHost: number) {
    this.#total = total;
    this.#perHost = perHost;
  }

  /** Runs the work once there is room. */
  async run<T>(host: string, work: () => Promise<T>): Promise<T> {
    if (!this.#hasRoom(host)) {
      await new Promise<void>((start) => this.#waiting.push({ host, start }));
    } else this.#begin(host);
    try {
      return await work();
    } finally {
      this.#end(host);
    }
  }

  #hasRoom(host: string): boolean {
    return (
      this.#active < this.#total &&
      (this.#running.get(host) ?? 0) < this.#perHost
    );
  }

  #begin(host: string): void {
    this.#active++;
    this.#running.set(host, (this.#running.get(host) ?? 0) + 1);
  }

  /** Whoever waits behind a busy host holds up nobody else. */
  #end(host: string): void {
    this.#active--;
    const left = (this.#running.get(host) ?? 1) - 1;
    if (left === 0) this.#running.delete(host);
    else this.#running.set(host, left);
    const next = this.#waiting.findIndex((each) => this.#hasRoom(each.host));
    const [waiter] = next === -1 ? [] : this.#waiting.splice(next, 1);
    if (waiter === undefined) return;
    this.#begin(waiter.host);
    waiter.start();
  }
}

import type { Stage } from "./protocol.ts";

/** Adds up elapsed and processor time by name. */
export class Stopwatch {
  readonly #totals = new Map<
    string,
    { elapsed: number; cpu: number; within: boolean }
  >();

  reset(): void {
    this.#totals.clear();
  }

  async time<T>(
    name: string,
    run: () => T | Promise<T>,
    within = false,
  ): Promise<T> {
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    const result = await run();
    const elapsed = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuBefore);
    const total = this.#totals.get(name) ?? { elapsed: 0, cpu: 0, within };
    total.elapsed += elapsed * 1000;
    total.cpu += user + system;
    this.#totals.set(name, total);
    return result;
  }

  stages(requests: number): readonly Stage[] {
    return [...this.#totals].map(([name, { elapsed, cpu, within }]) => ({
      name,
      elapsed: elapsed / requests,
      cpu: cpu / requests,
      within,
    }));
  }
}

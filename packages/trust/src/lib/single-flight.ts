/** A piece of work of which one runs at a time, however many ask for it. */
export class SingleFlight {
  readonly #work: () => Promise<void>;
  #underWay: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** Takes work that never rejects. */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined;
  }

  /** Begins the work, or joins what is under way: good for whoever lacks something. */
  join(): Promise<void> {
    this.#underWay ??= this.#work().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  /**
   * Resolves with work that began after this call: what is under way may have looked before there was
   * anything to see. All who call meanwhile share the next.
   */
  after(): Promise<void> {
    if (this.#underWay === undefined) return this.join();
    this.#next ??= this.#underWay.then(() => {
      this.#next = undefined;
      return this.join();
    });
    return this.#next;
  }

  /** Resolves once nothing is under way, nor waiting to be. */
  async settled(): Promise<void> {
    await this.#underWay;
    await this.#next;
  }
}

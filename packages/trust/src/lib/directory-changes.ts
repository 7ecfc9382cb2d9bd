import { watch, type FSWatcher } from "node:fs";

/** Tells when an entry of some names changes in a directory, as far as the system tells us. */
export class DirectoryChanges {
  readonly #directory: string;
  readonly #names: ReadonlySet<string>;
  #watcher: FSWatcher | undefined;
  #changed = false;
  #waiting: (() => void) | undefined;

  constructor(directory: string, names: readonly string[]) {
    this.#directory = directory;
    this.#names = new Set(names);
  }

  /** Forgets earlier changes and watches until the signal aborts; where it cannot, nothing is told. */
  watch(signal: AbortSignal): void {
    this.#changed = false;
    if (this.#watcher !== undefined) return;
    try {
      const watcher = watch(this.#directory, { persistent: false, signal });
      this.#watcher = watcher;
      watcher.on("change", (_event, name) => {
        if (name === null || this.#names.has(String(name))) this.#tell();
      });
      watcher.on("error", () => this.stop());
    } catch {
      this.stop();
    }
  }

  /** Resolves at the next change, or at once if there was one since {@link watch} was called. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (this.#changed) this.#tell();
    });
  }

  /** Lets go of the directory; {@link watch} then looks the path up again. */
  stop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #tell(): void {
    this.#changed = true;
    this.#waiting?.();
    this.#waiting = undefined;
  }
}

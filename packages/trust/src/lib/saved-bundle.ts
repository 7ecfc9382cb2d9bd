import type { KeeperClock } from "../options.ts";
import type { BundleCache, CachedBundle } from "./bundle-cache.ts";

/** A document that has not changed is written again once it is this part of `maxStaleSeconds` older. */
const REWRITE_PARTS = 100;

/** What a {@link SavedBundle} is made of. */
export interface SavedBundleOptions {
  /** Undefined: nothing is kept. */
  readonly cache: BundleCache | undefined;
  readonly maxStaleSeconds: number;
  readonly clock: KeeperClock;
  readonly log: (level: "info" | "warn", message: string) => void;
}

/** The copy of a bundle that a restart begins with. Whatever becomes of it, the bundle in use is none the worse. */
export class SavedBundle {
  readonly #options: SavedBundleOptions;
  /** What the file holds, as far as we know. */
  #written: CachedBundle | undefined;
  #latest: CachedBundle | undefined;
  #writing: Promise<void> | undefined;
  #failure: string | undefined;

  constructor(options: SavedBundleOptions) {
    this.#options = options;
  }

  /** What an earlier process left, as old as it is; undefined where there is nothing to use. Never rejects. */
  async load(signal: AbortSignal): Promise<CachedBundle | undefined> {
    const { cache, clock, maxStaleSeconds, log } = this.#options;
    try {
      const found = await cache?.load(signal);
      if (found === undefined) return undefined;
      const age = clock.now() - found.readAt;
      if (age >= 0 && age <= maxStaleSeconds) {
        this.#written = found;
        return found;
      }
      log(
        "info",
        `kept bundle not used: expected one of the last ${maxStaleSeconds} seconds, got one ${age} seconds old`,
      );
    } catch (error) {
      if (!signal.aborted) log("warn", `kept bundle not used: ${why(error)}`);
    }
    return undefined;
  }

  /** Writes it behind the caller's back, now or with the next one; a disk that hangs holds nobody up. */
  save(latest: CachedBundle): void {
    this.#latest = latest;
    if (this.#writing !== undefined || !this.#isWorthWriting(latest)) return;
    this.#writing = this.#write(latest).finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves once the newest bundle was written, or could not be. */
  async close(): Promise<void> {
    await this.#writing;
    if (this.#latest !== undefined) this.save(this.#latest);
    await this.#writing;
  }

  #isWorthWriting({ readAt, document }: CachedBundle): boolean {
    if (this.#options.cache === undefined) return false;
    const written = this.#written;
    if (written === undefined) return true;
    const step = this.#options.maxStaleSeconds / REWRITE_PARTS;
    return (
      Math.abs(readAt - written.readAt) >= step ||
      Buffer.compare(written.document, document) !== 0
    );
  }

  async #write(bundle: CachedBundle): Promise<void> {
    try {
      await this.#options.cache?.save(bundle);
      this.#written = bundle;
      this.#failure = undefined;
    } catch (error) {
      const failure = `bundle not kept for a restart: ${why(error)}`;
      // Tried again with each poll; told once.
      if (failure !== this.#failure) this.#options.log("warn", failure);
      this.#failure = failure;
    }
  }
}

/** Not the message of a JSON parser, which quotes the file, nor of a write, which names a random file. */
function why(error: unknown): string {
  if (error instanceof SyntaxError) return "expected JSON, got something else";
  if (error instanceof Error && "code" in error) return String(error.code);
  return error instanceof Error ? error.message : "unknown failure";
}

import { DcrError } from "@accredit/core/errors";
import {
  keysNamed,
  type CredentialIssuerTrust,
  type IssuerKeys,
  type IssuerKeySource,
} from "@accredit/core/vc";
import { SingleFlight } from "../lib/single-flight.ts";
import type { KeeperClock, KeeperLog } from "../options.ts";
import { SourceError } from "../source-error.ts";
import type { KeySource } from "./key-source.ts";

/** A read for an unknown key comes at most this often; whoever sends a made-up `kid` gains nothing more. */
const UNKNOWN_KEY_PAUSE_SECONDS = 30;
/** What a document's freshness is worth: polled every five minutes, as a bundle that hints nothing else. */
const REFRESH_HINT_SECONDS = 1200;

/** What a kept issuer is made of. */
export interface KeptIssuerOptions {
  readonly trust: Omit<CredentialIssuerTrust, "keys">;
  readonly required: boolean;
  readonly maxStaleSeconds: number;
  readonly source: KeySource;
  readonly clock: KeeperClock;
  readonly log: KeeperLog;
}

/** How one issuer's keys are doing; times in epoch seconds. */
export interface IssuerStatus {
  readonly issuer: string;
  readonly required: boolean;
  /** Whether there is at least one usable key or root. */
  readonly ready: boolean;
  readonly keys: number;
  readonly lastSuccess: number | null;
  readonly lastError: string | null;
  readonly ageSeconds: number | null;
  /** The kind of source, and its file or URL. */
  readonly source: string;
}

/** One issuer, its keys and the loop that keeps them fresh. Knows of no other issuer (X02). */
export class KeptIssuer {
  readonly #options: KeptIssuerOptions;
  readonly #trust: CredentialIssuerTrust;
  readonly #stop = new AbortController();
  #held: IssuerKeys | undefined;
  /** What tells the held keys from others. */
  #fingerprint: string | undefined;
  /** Epoch seconds at which the last attempt that succeeded began. */
  #lastSuccess: number | null = null;
  #failure: string | null = null;
  #failures = 0;
  #lastUnknownKey = Number.NEGATIVE_INFINITY;
  readonly #read = new SingleFlight(() => this.#attempt());
  #loop: Promise<void> | undefined;

  constructor(options: KeptIssuerOptions) {
    this.#options = options;
    const usable = (): IssuerKeys | undefined => this.#usable();
    const keys: IssuerKeySource = {
      candidates({ kid }) {
        const held = usable();
        return held && keysNamed(held, kid);
      },
      get roots() {
        return usable()?.roots;
      },
      refreshUnknownKey: () => this.refreshUnknownKey(),
    };
    this.#trust = Object.freeze({ ...options.trust, keys });
  }

  /** What verification needs, from memory. */
  trust(): CredentialIssuerTrust {
    return this.#trust;
  }

  /** What operators need. */
  status(): IssuerStatus {
    const { trust, required, source } = this.#options;
    const usable = this.#usable();
    const keys = (usable?.keys.length ?? 0) + (usable?.roots.length ?? 0);
    return {
      issuer: trust.issuer,
      required,
      ready: keys > 0,
      keys,
      lastSuccess: this.#lastSuccess,
      lastError: this.#failure ?? this.#shortcoming(usable),
      ageSeconds: this.#age(),
      source: source.description,
    };
  }

  /** Starts the loop, once; resolves after the first attempt, whatever came of it. */
  start(): Promise<void> {
    const first = this.#read.join();
    this.#loop ??= this.#run();
    return first;
  }

  /** Makes an attempt that begins after this call. Never rejects. */
  refresh(): Promise<void> {
    return this.#read.after();
  }

  /** One read for every unknown key of half a minute; true where the keys are others now. */
  async refreshUnknownKey(): Promise<boolean> {
    const before = this.#fingerprint;
    const now = this.#options.clock.now();
    const waited = Math.abs(now - this.#lastUnknownKey);
    if (!this.#read.isUnderWay && waited < UNKNOWN_KEY_PAUSE_SECONDS)
      return false;
    this.#lastUnknownKey = now;
    await this.#read.join();
    return this.#fingerprint !== before;
  }

  /** Ends the loop and what it is waiting for. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#read.settled();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { source } = this.#options;
    const { signal } = this.#stop;
    try {
      for (;;) {
        await this.#read.join();
        await source.untilNext(
          {
            loaded: this.#held !== undefined,
            refreshHintSeconds: REFRESH_HINT_SECONDS,
            failures: this.#failures,
          },
          signal,
        );
      }
    } catch (error) {
      // Without its loop the keys age and the issuer fails closed; say why.
      if (!signal.aborted) this.#fail(error);
    }
  }

  async #attempt(): Promise<void> {
    const { clock, source } = this.#options;
    if (this.#stop.signal.aborted) return;
    // Keys are as fresh as the moment they were asked for, not the one they arrived.
    const startedAt = clock.now();
    try {
      const keys = await source.read(this.#stop.signal);
      this.#take(keys);
      this.#lastSuccess = startedAt;
      if (this.#failure !== null)
        this.#log("info", "issuer's keys can be read again");
      this.#failure = null;
      this.#failures = 0;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(error);
    }
  }

  /** A document without keys is one like any other: then nothing of this issuer verifies. */
  #take(keys: IssuerKeys): void {
    const fingerprint = fingerprintOf(keys);
    if (fingerprint === this.#fingerprint) return;
    this.#logChange(keys);
    this.#held = keys;
    this.#fingerprint = fingerprint;
  }

  /** Keeps what is held. Logs a failure that goes on only when it changes. */
  #fail(error: unknown): void {
    const message = error instanceof Error ? error.message : "unknown failure";
    this.#failures++;
    if (message !== this.#failure) {
      const reason =
        error instanceof SourceError
          ? error.reason
          : error instanceof DcrError
            ? error.code
            : "unexpected";
      this.#log("warn", `issuer's keys not refreshed: ${message}`, { reason });
    }
    this.#failure = message;
  }

  #usable(): IssuerKeys | undefined {
    const { maxStaleSeconds, source } = this.#options;
    const fresh =
      (source.authoritative && this.#failure === null) ||
      (this.#age() ?? 0) <= maxStaleSeconds;
    return fresh ? this.#held : undefined;
  }

  /** A clock that was set back makes no keys younger than new. */
  #age(): number | null {
    if (this.#lastSuccess === null) return null;
    return Math.max(0, this.#options.clock.now() - this.#lastSuccess);
  }

  /** What is wrong although the last attempt succeeded. */
  #shortcoming(usable: IssuerKeys | undefined): string | null {
    if (usable === undefined) {
      return this.#held === undefined
        ? null
        : `expected keys read within the last ${this.#options.maxStaleSeconds} seconds, got older ones`;
    }
    return usable.keys.length + usable.roots.length > 0
      ? null
      : `expected a usable key of the issuer, got none (${usable.skipped.length} skipped)`;
  }

  /** One ID that names another key than before is what a rollback or a takeover looks like. */
  #logChange(keys: IssuerKeys): void {
    const before = new Map(
      this.#held?.keys.map(({ id, jwk }) => [id, JSON.stringify(jwk)]),
    );
    const conflicts = keys.keys.filter(
      ({ id, jwk }) =>
        id !== undefined &&
        (before.get(id) ?? JSON.stringify(jwk)) !== JSON.stringify(jwk),
    );
    const skipped = keys.skipped.map(
      ({ index, reason }) => `${index}: ${reason}`,
    );
    const total = keys.keys.length + keys.roots.length;
    const level =
      conflicts.length > 0
        ? "error"
        : total === 0 || skipped.length > 0
          ? "warn"
          : "info";
    this.#log(
      level,
      conflicts.length > 0
        ? "issuer's keys changed: another key under the same ID"
        : "issuer's keys changed",
      { keys: total, skipped, conflicts: conflicts.map(({ id }) => id) },
    );
  }

  #log(
    level: keyof KeeperLog,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    const { log, trust, source } = this.#options;
    log[level](
      { issuer: trust.issuer, source: source.description, ...fields },
      message,
    );
  }
}

function fingerprintOf({ keys, roots }: IssuerKeys): string {
  return JSON.stringify([
    keys
      .map(({ id, jwk, algorithms }) => JSON.stringify([id, jwk, algorithms]))
      .sort(),
    roots.map(({ fingerprint }) => fingerprint).sort(),
  ]);
}

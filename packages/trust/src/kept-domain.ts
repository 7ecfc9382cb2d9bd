import { DcrError } from "@accredit/core/errors";
import {
  parseSpiffeBundle,
  type SpiffeBundle,
  type TrustDomainName,
} from "@accredit/core/spiffe";
import {
  compareBundles,
  type IssuerRule,
  type SpiffeTrust,
} from "@accredit/core/trust";
import type { BundleSource } from "./bundle-source.ts";
import type { BundleCache } from "./lib/bundle-cache.ts";
import { SavedBundle } from "./lib/saved-bundle.ts";
import { SingleFlight } from "./lib/single-flight.ts";
import type { KeeperClock, KeeperLog } from "./options.ts";
import { SourceError } from "./source-error.ts";

/** A read for an unknown key comes at most this often; whoever sends a made-up `kid` gains nothing more. */
const UNKNOWN_KEY_PAUSE_SECONDS = 30;

/** What a kept trust domain is made of. */
export interface KeptDomainOptions {
  readonly trustDomain: TrustDomainName;
  readonly issuer: IssuerRule;
  readonly keyId: "optional" | "required";
  readonly required: boolean;
  readonly maxStaleSeconds: number;
  /** Whether WIT keys are of any use here. */
  readonly takesWit: boolean;
  readonly source: BundleSource;
  /** Where its bundle outlives the process; undefined: nowhere. */
  readonly cache: BundleCache | undefined;
  readonly clock: KeeperClock;
  readonly log: KeeperLog;
}

/** How one trust domain's bundle is doing. Times in epoch seconds. */
export interface TrustStatus {
  readonly trustDomain: TrustDomainName;
  readonly required: boolean;
  /** Whether there is a bundle with at least one usable key or authority. */
  readonly ready: boolean;
  /** Usable JWT keys. */
  readonly keys: number;
  /** X.509 authorities that have not expired. */
  readonly x509Authorities: number;
  /** `spiffe_sequence` in decimal: it may be larger than a number holds. */
  readonly sequence: string | null;
  readonly lastSuccess: number | null;
  readonly lastError: string | null;
  readonly ageSeconds: number | null;
  /** The kind of source, and its file or URL. */
  readonly source: string;
}

interface Held {
  readonly bundle: SpiffeBundle;
  /** The bytes it was parsed from. */
  readonly document: Uint8Array;
}

/** One trust domain, its bundle and the loop that keeps it fresh. Knows of no other trust domain. */
export class KeptDomain {
  readonly #options: KeptDomainOptions;
  readonly #stop = new AbortController();
  /** Kept even when too old to use: a later document is still compared with it. */
  #held: Held | undefined;
  /** Epoch seconds at which the last attempt that succeeded began. */
  #lastSuccess: number | null = null;
  /** Why the last attempt failed; null when it did not. */
  #failure: string | null = null;
  #failures = 0;
  /** What the last attempt lacked although it succeeded. */
  #partialFailure: string | null = null;
  /** The highest `spiffe_sequence` taken: a document without one does not make an older one newer. */
  #highestSequence: bigint | undefined;
  #saidStale = false;
  /** Epoch seconds at which an unknown key was last looked for. */
  #lastUnknownKey = Number.NEGATIVE_INFINITY;
  /** Two different documents of one sequence number; stands until the number rises. */
  #conflict: string | null = null;
  readonly #read = new SingleFlight(() => this.#attempt());
  readonly #saved: SavedBundle;
  #loaded: Promise<void> | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: KeptDomainOptions) {
    this.#options = options;
    this.#saved = new SavedBundle({
      ...options,
      log: (level, message) => this.#log(level, message),
    });
  }

  /** What verification needs, from memory. */
  trust(): SpiffeTrust {
    const { trustDomain, issuer, keyId } = this.#options;
    return {
      trustDomain,
      issuer,
      keyId,
      bundle: this.#usableBundle(),
      refreshFails: this.#failure !== null || this.#partialFailure !== null,
      refreshUnknownKey: this.#refreshUnknownKey,
    };
  }

  /** The bundle read last, however old; what an endpoint of the same trust domain is verified with. */
  heldBundle(): SpiffeBundle | undefined {
    return this.#held?.bundle;
  }

  /** One read for every unknown key of half a minute; true where there is another bundle now. */
  readonly #refreshUnknownKey = async (): Promise<boolean> => {
    const before = this.#held;
    const now = this.#options.clock.now();
    const waited = Math.abs(now - this.#lastUnknownKey);
    if (!this.#read.isUnderWay && waited < UNKNOWN_KEY_PAUSE_SECONDS)
      return false;
    this.#lastUnknownKey = now;
    await this.#read.join();
    return this.#held !== before;
  };

  /** What operators need. */
  status(): TrustStatus {
    const { trustDomain, required, source } = this.#options;
    const usable = this.#usableBundle();
    const { jwt, x509, wit } = this.#count(usable);
    return {
      trustDomain,
      required,
      ready: jwt + x509 + wit > 0,
      keys: jwt,
      x509Authorities: x509,
      sequence: this.#held?.bundle.sequence?.toString() ?? null,
      lastSuccess: this.#lastSuccess,
      lastError: this.#lastError(usable),
      ageSeconds: this.#age(),
      source: source.description,
    };
  }

  /** Starts the loop, once; resolves after the first attempt, whatever came of it. */
  start(): Promise<void> {
    this.#loaded ??= this.#loadSaved();
    const first = this.#loaded.then(() => this.#read.join());
    this.#loop ??= this.#run();
    return first;
  }

  /** Begins with what an earlier process read; what it is worth its age decides. */
  async #loadSaved(): Promise<void> {
    const saved = await this.#saved.load(this.#stop.signal);
    if (saved === undefined) return;
    const { document, readAt, highestSequence } = saved;
    try {
      const bundle = await this.#parse(document);
      this.#highestSequence = highestSequence;
      this.#hold({ bundle, document });
      this.#options.source.resume?.(document, readAt);
      this.#lastSuccess = readAt;
      this.#log("info", "bundle kept from before the restart", { readAt });
    } catch (error) {
      this.#log("warn", `kept bundle not used: ${reasonOf(error)}`);
    }
  }

  #parse(document: Uint8Array): Promise<SpiffeBundle> {
    return (this.#options.source.parse ?? parseSpiffeBundle)(document);
  }

  /** Makes an attempt that begins after this call. Never rejects. */
  refresh(): Promise<void> {
    return this.#read.after();
  }

  /** Ends the loop and what it is waiting for. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#read.settled();
    await this.#loop;
    await this.#saved.close();
  }

  async #run(): Promise<void> {
    const { source } = this.#options;
    const { signal } = this.#stop;
    try {
      await this.#loaded;
      for (;;) {
        await this.#read.join();
        await source.untilNext(
          {
            loaded: this.#held !== undefined,
            refreshHintSeconds: this.#held?.bundle.refreshHintSeconds,
            failures: this.#failures,
          },
          signal,
        );
      }
    } catch (error) {
      // Without its loop the bundle ages and the trust domain fails closed; say why.
      if (!signal.aborted) this.#fail(error);
    }
  }

  async #attempt(): Promise<void> {
    const { clock, source } = this.#options;
    if (this.#stop.signal.aborted) return;
    // A document is as fresh as the moment it was asked for, not the one it arrived.
    const startedAt = clock.now();
    try {
      const document = await source.read(this.#stop.signal);
      await this.#take(document);
      this.#lastSuccess = startedAt;
      this.#succeed();
      this.#saved.save({
        readAt: startedAt,
        document,
        highestSequence: this.#highestSequence,
      });
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(error);
    }
  }

  /**
   * Decides what a document that arrived is to the bundle in use. One without keys is a bundle like any
   * other and replaces it: then nobody of the trust domain is trusted (BNDL-03).
   *
   * @throws {DcrError} `bundle_invalid`
   * @throws {SourceError} `sequence_rollback`
   */
  async #take(document: Uint8Array): Promise<void> {
    const current = this.#held;
    if (
      current !== undefined &&
      Buffer.compare(current.document, document) === 0
    )
      return;
    const bundle = await this.#parse(document);
    const change = compareBundles(
      current?.bundle,
      bundle,
      this.#highestSequence,
    );
    switch (change) {
      case "rollback":
        throw new SourceError(
          "sequence_rollback",
          `expected spiffe_sequence ${this.#highestSequence} or higher, got ${bundle.sequence}; the bundle in use stays`,
        );
      case "conflict":
        this.#conflict = `expected another spiffe_sequence for other keys, got ${bundle.sequence} again; the newest bundle is used`;
        this.#log("error", `bundle conflict: ${this.#conflict}`);
        break;
      case "first":
      case "newer":
        this.#conflict = null;
        break;
      case "same":
        break;
    }
    this.#hold({ bundle, document });
    if (change !== "same") this.#logBundle(bundle);
  }

  #hold(held: Held): void {
    this.#held = held;
    this.#highestSequence = held.bundle.sequence ?? this.#highestSequence;
  }

  #succeed(): void {
    if (this.#failure !== null) this.#log("info", "bundle source works again");
    this.#failure = null;
    this.#failures = 0;
    this.#saidStale = false;
    const partial = this.#options.source.partialFailure?.() ?? null;
    if (partial !== null && partial !== this.#partialFailure)
      this.#log("warn", `bundle refreshed in part: ${partial}`);
    if (partial === null && this.#partialFailure !== null)
      this.#log("info", "bundle source works again as a whole");
    this.#partialFailure = partial;
  }

  /** Keeps what is held. Logs a failure that goes on only when it changes. */
  #fail(error: unknown): void {
    const message = error instanceof Error ? error.message : "unknown failure";
    const reason = reasonOf(error);
    this.#failures++;
    if (message !== this.#failure) {
      this.#log("warn", `bundle not refreshed: ${message}`, { reason });
    }
    this.#failure = message;
    if (this.#saidStale || this.#held === undefined || !this.#isStale()) return;
    this.#saidStale = true;
    this.#log("error", `trust domain fails closed: ${this.#staleness()}`);
  }

  #usableBundle(): SpiffeBundle | undefined {
    if (this.#held === undefined || this.#isStale()) return undefined;
    return this.#held.bundle;
  }

  #isStale(): boolean {
    const { maxStaleSeconds, source } = this.#options;
    if (source.authoritative && this.#failure === null) return false;
    return (this.#age() ?? 0) > maxStaleSeconds;
  }

  /** A clock that was set back makes no bundle younger than new. */
  #age(): number | null {
    if (this.#lastSuccess === null) return null;
    return Math.max(0, this.#options.clock.now() - this.#lastSuccess);
  }

  /** Everything that is wrong at present; null where nothing is. */
  #lastError(usable: SpiffeBundle | undefined): string | null {
    const problems = [
      usable === undefined && this.#held !== undefined
        ? this.#staleness()
        : null,
      this.#failure ??
        this.#partialFailure ??
        this.#conflict ??
        this.#shortcoming(usable),
    ].filter((problem) => problem !== null);
    return problems.length === 0 ? null : problems.join("; ");
  }

  #staleness(): string {
    return `expected a bundle read within the last ${this.#options.maxStaleSeconds} seconds, got an older one`;
  }

  /** The keys and authorities of a bundle that credentials may be verified with now. */
  #count(
    bundle: SpiffeBundle | undefined,
  ): Readonly<Record<"jwt" | "x509" | "wit", number>> {
    if (bundle === undefined) return { jwt: 0, x509: 0, wit: 0 };
    const now = this.#options.clock.now();
    return {
      jwt: bundle.jwtAuthorities.size,
      x509: bundle.x509Authorities.filter(
        ({ parsed }) => parsed.notAfter >= now,
      ).length,
      wit: this.#options.takesWit ? bundle.witAuthorities.size : 0,
    };
  }

  /** What is wrong although the last attempt succeeded. */
  #shortcoming(usable: SpiffeBundle | undefined): string | null {
    if (usable === undefined) return null;
    const { jwt, x509, wit } = this.#count(usable);
    if (jwt + x509 + wit > 0) return null;
    const why = this.#options.source.shortcoming?.();
    return `expected a usable key in the bundle, got none (${why ?? `${usable.skipped.length} skipped`})`;
  }

  #logBundle(bundle: SpiffeBundle): void {
    const { jwtAuthorities, x509Authorities, sequence, skipped } = bundle;
    const fields = {
      keys: jwtAuthorities.size,
      x509Authorities: x509Authorities.length,
      sequence: sequence?.toString() ?? null,
      skipped: skipped.map(({ index, reason }) => `${index}: ${reason}`),
    };
    const { jwt, x509, wit } = this.#count(bundle);
    const level =
      jwt + x509 + wit === 0 || skipped.length > 0 ? "warn" : "info";
    this.#log(level, "bundle changed", fields);
  }

  #log(
    level: keyof KeeperLog,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    const { log, trustDomain, source } = this.#options;
    log[level]({ trustDomain, source: source.description, ...fields }, message);
  }
}

/** The closed reason of a failure; one we did not foresee is a fault of ours. */
function reasonOf(error: unknown): string {
  if (error instanceof SourceError) return error.reason;
  return error instanceof DcrError ? error.code : "unexpected";
}

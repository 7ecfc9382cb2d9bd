import type { SpiffeBundle } from "@accredit/core/spiffe";

/** What a source may go by when it decides how long to wait. */
export interface SourceProgress {
  /** Whether a bundle of this source has ever loaded. */
  readonly loaded: boolean;
  /** `spiffe_refresh_hint` of the bundle in use, in seconds. */
  readonly refreshHintSeconds: number | undefined;
  /** Attempts that failed since the last one that did not. */
  readonly failures: number;
}

/** Where the bundle document of one trust domain comes from. */
export interface BundleSource {
  /** For operators: the kind, and the file or URL. */
  readonly description: string;
  /**
   * Whether reading it says what is true now, however old the document: then a bundle does not age while
   * its source can be read.
   */
  readonly authoritative: boolean;
  /** Makes one attempt to read the document, in bounded time. Rejects with `SourceError`. */
  read(signal: AbortSignal): Promise<Uint8Array>;
  /** What a document of this source says. Default: a SPIFFE bundle document. */
  readonly parse?:
    ((document: Uint8Array) => Promise<SpiffeBundle>) | undefined;
  /** Hears of the document, of this source, that an earlier process read, and of the epoch second it did. */
  readonly resume?:
    ((document: Uint8Array, readAt: number) => void) | undefined;
  /** For operators: what the last read lacked although it gave a document; undefined where nothing. */
  readonly partialFailure?: (() => string | undefined) | undefined;
  /** For operators: why a bundle of this source has no keys, where it knows. */
  readonly shortcoming?: (() => string | undefined) | undefined;
  /** Resolves when the next attempt is due; rejects only when the signal aborts. */
  untilNext(progress: SourceProgress, signal: AbortSignal): Promise<void>;
}

import { DcrError } from "@accredit/core/errors";
import type {
  Column,
  FromWriter,
  ToWriter,
  WriteOp,
  WriteResult,
} from "./writer-protocol.ts";

/** The part of a worker thread that the queue uses; what stands in for one does the same. */
export interface WriterThread {
  postMessage(message: ToWriter, transfer: readonly []): void;
  on(event: "message", listener: (message: FromWriter) => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "exit", listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

/** What an operator is told when the store stops taking writes. */
export interface StoreFailure {
  /**
   * `disk_full`: no room; `unreachable`: a database server does not answer, or refuses every write. The store
   * recovers from both by itself. `broken`: an input/output error, a damaged file or a dead writer thread; the
   * process has to be restarted.
   */
  readonly kind: "disk_full" | "unreachable" | "broken";
  /** For logs: what the database said. */
  readonly detail: string;
}

export interface WriteQueueOptions {
  /** Writes accepted and not yet answered, at most. */
  readonly maxPending: number;
  /** Writes in one transaction, at most. */
  readonly maxBatch: number;
  /** Epoch seconds, by a clock that leaps nowhere: what expired long before may go. */
  readonly now: () => number;
  readonly onFailure: (failure: StoreFailure) => void;
  /** Epoch seconds: since when the disk has been full, where it was before this start. */
  readonly noRoomSince?: number | undefined;
}

interface Pending {
  readonly op: WriteOp;
  readonly resolve: (columns: readonly Column[]) => void;
  readonly reject: (error: DcrError) => void;
}

const FAILED = {
  disk_full: "The store has no room: the write was not made.",
  busy: "The store is locked by another process: the write was not made.",
  unreachable:
    "The store does not answer: whether the write was made is not known.",
} as const;

const unavailable = (message: string, detail: string): DcrError =>
  new DcrError("store_unavailable", message, { cause: new Error(detail) });

/** So many in a row that waited for somebody's lock in vain are no chance any more: nothing gets through. */
const MAX_BUSY_BATCHES = 3;

/**
 * Hands writes to the writer thread, one batch at a time: what arrives while a batch is being committed
 * shares the next commit, so that one sync of the disk serves many writes.
 */
export class WriteQueue {
  readonly #thread: WriterThread;
  readonly #options: WriteQueueOptions;
  #waiting: Pending[] = [];
  #inFlight: Pending[] = [];
  #sentAt = 0;
  #scheduled = false;
  #closing = false;
  #failure: StoreFailure | undefined;
  #noRoomSince: number | undefined;
  #busyBatches = 0;
  #refusals: "none" | "seen" | "of_all" = "none";
  #onIdle: (() => void) | undefined;
  readonly #exited: Promise<void>;

  constructor(thread: WriterThread, options: WriteQueueOptions) {
    this.#thread = thread;
    this.#options = options;
    this.#noRoomSince = options.noRoomSince;
    if (options.noRoomSince !== undefined) {
      const detail = "the disk was full before the start";
      this.#fail({ kind: "disk_full", detail });
    }
    thread.on("message", (message) => this.#receive(message));
    thread.on("error", (error) =>
      this.#break(`writer thread: ${String(error)}`),
    );
    this.#exited = new Promise((resolve) => {
      thread.on("exit", (code) => {
        if (!this.#closing || this.#inFlight.length > 0) {
          this.#break(`writer thread ended with code ${code}`);
        }
        resolve();
      });
    });
  }

  /** Why writes fail at present; undefined while they work. */
  get failure(): StoreFailure | undefined {
    return this.#failure;
  }

  /**
   * Whether only a probe can tell if writes work: they failed, or one was refused, be it for what it says or as any
   * other would be. Left to real writes, a server taken out of service would get none and never come back.
   */
  get needsProbe(): boolean {
    return this.#failure !== undefined || this.#refusals !== "none";
  }

  /** Epoch seconds: since when there has been no room for writes; undefined where there is. */
  get noRoomSince(): number | undefined {
    return this.#failure?.kind === "disk_full" ? this.#noRoomSince : undefined;
  }

  /** How long the batch under way has been out, in milliseconds; 0 when there is none. */
  get waitedMs(): number {
    return this.#inFlight.length === 0 ? 0 : performance.now() - this.#sentAt;
  }

  /**
   * Resolves once the write is on disk.
   *
   * @throws {DcrError} `store_unavailable` or `overloaded`
   */
  submit(op: WriteOp): Promise<readonly Column[]> {
    return new Promise((resolve, reject) => {
      if (this.#closing) {
        reject(unavailable("The store is closed.", "write after close"));
      } else if (this.#failure?.kind === "broken") {
        reject(this.#brokenError());
      } else if (
        this.#waiting.length + this.#inFlight.length >=
        this.#options.maxPending
      ) {
        const message = `The store has ${this.#options.maxPending} writes waiting and takes no more at present.`;
        reject(new DcrError("overloaded", message));
      } else {
        this.#waiting.push({ op, resolve, reject });
        this.#schedule();
      }
    });
  }

  /** Waits for every accepted write, then ends the thread. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#waiting.length + this.#inFlight.length > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    // A broken store is left as it is: closing would move the doubtful log into the database.
    if (this.#failure?.kind === "broken") await this.#thread.terminate();
    else this.#thread.postMessage({ kind: "close" }, []);
    await this.#exited;
  }

  /** Sends at the end of this turn of the event loop, so that its requests share a commit. */
  #schedule(): void {
    if (this.#scheduled || this.#inFlight.length > 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#waiting.length === 0) return this.#onIdle?.();
    this.#inFlight = this.#waiting.splice(0, this.#options.maxBatch);
    this.#sentAt = performance.now();
    const ops = this.#inFlight.map((pending) => pending.op);
    const now = this.#options.now();
    this.#thread.postMessage({ kind: "batch", ops, now }, []);
  }

  #receive(message: FromWriter): void {
    if (message.kind === "committed") {
      if (message.noRoom === undefined) this.#judge(message.results);
      else this.#fail({ kind: "disk_full", detail: message.noRoom });
      this.#settle(message.results);
    } else if (message.kind === "failed") {
      if (message.failure === "broken") return this.#break(message.detail);
      const { failure, detail } = message;
      if (failure !== "busy") this.#fail({ kind: failure, detail });
      else if (++this.#busyBatches >= MAX_BUSY_BATCHES)
        this.#fail({ kind: "unreachable", detail });
      this.#rejectInFlight(unavailable(FAILED[failure], detail));
    }
  }

  /** What was committed; where a write of our own was refused, others that are not recover nothing. */
  #judge(results: readonly WriteResult[]): void {
    const probe = results.find(
      (_, index) => this.#inFlight[index]?.op.kind === "probe",
    );
    if (probe !== undefined && "refused" in probe) {
      this.#refusals = "of_all";
      this.#fail({ kind: "unreachable", detail: probe.refused });
      return;
    }
    if (probe !== undefined) this.#refusals = "none";
    else if (this.#refusals === "of_all") return;
    else if (results.some((result) => "refused" in result))
      this.#refusals = "seen";
    this.#recover();
  }

  #settle(results: readonly WriteResult[]): void {
    const batch = this.#takeInFlight();
    for (const [index, pending] of batch.entries()) {
      const result = results[index];
      if (result !== undefined && "noRoom" in result) {
        pending.reject(unavailable(FAILED.disk_full, result.noRoom));
      } else if (result !== undefined && !("refused" in result)) {
        pending.resolve(result);
      } else {
        const detail = result?.refused ?? "the writer gave no answer";
        pending.reject(unavailable("The store refused the write.", detail));
      }
    }
  }

  #recover(): void {
    this.#failure = undefined;
    this.#noRoomSince = undefined;
    this.#busyBatches = 0;
  }

  #rejectInFlight(error: DcrError): void {
    for (const pending of this.#takeInFlight()) pending.reject(error);
  }

  #takeInFlight(): readonly Pending[] {
    const batch = this.#inFlight;
    this.#inFlight = [];
    this.#schedule();
    return batch;
  }

  /** For good: nothing is written after this. */
  #break(detail: string): void {
    if (this.#failure?.kind === "broken") return;
    this.#fail({ kind: "broken", detail });
    this.#inFlight.push(...this.#waiting.splice(0));
    this.#rejectInFlight(this.#brokenError());
  }

  #fail(failure: StoreFailure): void {
    if (this.#failure?.kind === failure.kind) return;
    this.#failure = failure;
    if (failure.kind === "disk_full") this.#noRoomSince ??= this.#options.now();
    // Apart, so that what the listener throws cannot leave promises unsettled.
    queueMicrotask(() => this.#options.onFailure(failure));
  }

  #brokenError(): DcrError {
    const message =
      "The store failed and takes no more writes until it is restarted.";
    return unavailable(message, this.#failure?.detail ?? "unknown");
  }
}

import { EventEmitter } from "node:events";
import type { WriterThread } from "../lib/write-queue.ts";
import type { FromWriter, ToWriter } from "../lib/writer-protocol.ts";
import {
  classifyPostgresFailure,
  describePostgresFailure,
} from "./postgres-error.ts";
import type { Connections } from "./session.ts";
import { applyWrites } from "./writer.ts";

/**
 * Stands where a thread that writes a file would stand: waiting for a server blocks nobody, so it is the event
 * loop's own. One batch at a time, as the queue hands them over.
 */
export class PostgresWriter extends EventEmitter implements WriterThread {
  readonly #connections: Connections;
  readonly #schemaVersion: number;

  constructor(connections: Connections, schemaVersion: number) {
    super();
    this.#connections = connections;
    this.#schemaVersion = schemaVersion;
  }

  postMessage(message: ToWriter): void {
    if (message.kind === "close") void this.terminate();
    else
      void this.#apply(message).then((answer) => this.emit("message", answer));
  }

  async terminate(): Promise<void> {
    await this.#connections.close();
    this.emit("exit", 0);
  }

  async #apply({
    ops,
    now,
  }: Extract<ToWriter, { kind: "batch" }>): Promise<FromWriter> {
    try {
      const results = await applyWrites(
        this.#connections,
        ops,
        now,
        this.#schemaVersion,
      );
      return { kind: "committed", results };
    } catch (error) {
      const failure = classifyPostgresFailure(error);
      return {
        kind: "failed",
        // Refused even with savepoints around every write: not the writes, then.
        failure: failure === "refused" ? "unreachable" : failure,
        detail: describePostgresFailure(error),
      };
    }
  }
}

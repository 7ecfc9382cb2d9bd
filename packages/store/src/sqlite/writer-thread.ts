/** The thread that writes. It imports no other package, so it needs no module condition to run. */
import { parentPort, workerData } from "node:worker_threads";
import { classifyFailure, describeFailure } from "./sqlite-error.ts";
import { StartError } from "../lib/start-error.ts";
import { openWriter } from "./writer.ts";
import type { Writer } from "./writer.ts";
import type { FromWriter, ToWriter } from "../lib/writer-protocol.ts";
import type { WriterOptions } from "./writer-options.ts";

type Failed = Extract<FromWriter, { kind: "failed" }>;

function failed(error: unknown): Failed {
  const kind = classifyFailure(error);
  return {
    kind: "failed",
    // Refused even with savepoints around every write: the connection itself is at fault.
    failure: kind === "refused" ? "broken" : kind,
    detail: describeFailure(error),
  };
}

/** Names the check that SQLite itself made while opening. */
function checkOf(error: unknown): string {
  if (error instanceof StartError) return error.check;
  return classifyFailure(error) === "busy" ? "lock" : "file_format";
}

function listen(writer: Writer, reply: (message: FromWriter) => void): void {
  // Once the disk is in doubt nothing is tried again: a second sync may report success for data that
  // the first one lost.
  let broken: Failed | undefined;
  const attempt = (action: () => FromWriter | undefined): void => {
    let message: FromWriter | undefined = broken;
    if (message === undefined) {
      try {
        message = action();
      } catch (error) {
        message = failed(error);
        if (message.failure === "broken") broken = message;
      }
    }
    if (message !== undefined) reply(message);
  };
  parentPort?.on("message", (message: ToWriter) => {
    if (message.kind === "close") {
      if (broken === undefined) writer.close();
      parentPort?.close();
      return;
    }
    attempt(() => ({
      kind: "committed",
      ...writer.apply(message.ops, message.now),
    }));
    if (broken !== undefined) return;
    attempt(() => {
      writer.tidy();
      return undefined;
    });
  });
}

const answer = (message: FromWriter): void =>
  parentPort?.postMessage(message, []);
try {
  const writer = openWriter(workerData as WriterOptions);
  listen(writer, answer);
  answer({ kind: "ready" });
} catch (error) {
  answer({
    kind: "refused-to-start",
    check: checkOf(error),
    message: describeFailure(error),
  });
}

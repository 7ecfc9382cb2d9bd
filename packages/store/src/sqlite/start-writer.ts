import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { StartError } from "../lib/start-error.ts";
import type { FromWriter } from "../lib/writer-protocol.ts";
import type { WriterOptions } from "./writer-options.ts";

/**
 * The thread's own file: `.ts` beside this one in the source tree, `.js` when built. The compiler
 * rewrites extensions in imports only, so the one this file has is taken.
 */
const THREAD = new URL(
  `./writer-thread${extname(fileURLToPath(import.meta.url))}`,
  import.meta.url,
);

/**
 * Starts the writer thread and waits until the database is open there. It inherits the process's
 * execution arguments, module conditions among them.
 *
 * @throws {StartError}
 */
export async function startWriter(
  options: WriterOptions,
  thread: URL = THREAD,
): Promise<Worker> {
  const worker = new Worker(thread, {
    workerData: options,
    name: "accredit-store-writer",
  });
  try {
    const [message] = (await Promise.race([
      once(worker, "message"),
      once(worker, "exit").then(() => {
        throw new StartError("writer_thread", "the writer thread ended early");
      }),
    ])) as [FromWriter];
    if (message.kind === "ready") return worker;
    throw message.kind === "refused-to-start"
      ? new StartError(message.check, message.message)
      : new StartError("writer_thread", "the writer thread did not start");
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

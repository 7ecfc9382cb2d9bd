import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { SourceError } from "../source-error.ts";
import { abortable, isTimeout } from "./abortable.ts";

/** Local files answer at once; a network mount that hangs must not hold up the start. */
const READ_DEADLINE_MS = 5000;

/**
 * Reads a regular file of at most so many bytes, in bounded time.
 *
 * @throws {SourceError} `file_unreadable`, `file_not_regular`, `document_too_large`, `deadline_exceeded`
 */
export async function readLocalFile(
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const timeout = AbortSignal.timeout(READ_DEADLINE_MS);
  try {
    return await abortable(
      readRegularFile(path, maxBytes),
      AbortSignal.any([signal, timeout]),
    );
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof SourceError) throw cause;
    if (isTimeout(cause)) {
      throw new SourceError(
        "deadline_exceeded",
        `expected to read ${path} within ${READ_DEADLINE_MS} ms, got less by then`,
        { cause },
      );
    }
    const code =
      cause instanceof Error && "code" in cause
        ? String(cause.code)
        : "a failure";
    throw new SourceError(
      "file_unreadable",
      `expected a readable file at ${path}, got ${code}`,
      { cause },
    );
  }
}

async function readRegularFile(
  path: string,
  maxBytes: number,
): Promise<Buffer> {
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) {
      throw new SourceError(
        "file_not_regular",
        `expected a regular file at ${path}, got something else`,
      );
    }
    // One byte more than is said, to see the end; it may grow while it is read, or say nothing of its size.
    let buffer = Buffer.alloc(Math.min(stat.size, maxBytes) + 1);
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, size);
      if (bytesRead === 0) return buffer.subarray(0, size);
      size += bytesRead;
      if (size > maxBytes) {
        throw new SourceError(
          "document_too_large",
          `expected at most ${maxBytes} bytes in ${path}, got more`,
        );
      }
      if (size === buffer.length) {
        const grown = Buffer.alloc(Math.min(size * 2, maxBytes + 1));
        buffer.copy(grown);
        buffer = grown;
      }
    }
  } finally {
    await file.close();
  }
}

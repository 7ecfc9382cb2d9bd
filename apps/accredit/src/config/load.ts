import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { decodeText, MAX_CONFIG_BYTES } from "./document.ts";
import { parseConfig } from "./parse.ts";
import { ConfigError } from "./problem.ts";
import type { Config } from "./types.ts";

/**
 * Reads and parses a configuration file; relative paths in it start at its directory.
 *
 * @throws {ConfigError} with every problem at once
 */
export async function loadConfig(path: string): Promise<Config> {
  const file = resolve(path);
  return parseConfig(decodeText(await readBounded(file)), {
    baseDir: dirname(file),
  });
}

/** Reads one byte more than is allowed at most, from an ordinary file: a pipe or device may never end. */
async function readBounded(file: string): Promise<Uint8Array> {
  try {
    // Opening for reading alone would wait on a pipe; this way it does not.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const status = await handle.stat();
      if (!status.isFile()) throw unreadable("is not an ordinary file");
      const buffer = new Uint8Array(MAX_CONFIG_BYTES + 1);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await handle.read(buffer, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return buffer.subarray(0, length);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const { code = "unknown error" } = cause as NodeJS.ErrnoException;
    throw unreadable(`cannot be read (${code})`, cause);
  }
}

function unreadable(problem: string, cause?: unknown): ConfigError {
  return new ConfigError(
    [
      {
        path: "",
        problem,
        expected: "a readable configuration file, YAML or JSON",
      },
    ],
    { cause },
  );
}

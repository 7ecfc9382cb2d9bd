import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  statSync,
} from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { StartError } from "../lib/start-error.ts";

/** What names one file while it exists, whatever its path: device and inode number. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

/** Reads the identity of the file at `path`, or undefined where there is none. */
export async function identifyFile(
  path: string,
): Promise<FileIdentity | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return { device: dev, inode: ino };
  } catch {
    return undefined;
  }
}

/**
 * Makes the directory (0700) and the file (0600) where they are missing, takes group and world access
 * away from an existing file, and returns the absolute path. The database holds signing keys. Synchronous, for the
 * start: the writer thread is under way before anything else is loaded.
 *
 * @throws {StartError} `directory_writable` or `file_type`
 */
export function prepareDatabaseFile(path: string): string {
  if (path === "" || path === ":memory:" || path.includes("\0")) {
    throw new TypeError(
      "path: expected the path of a database file, got an empty text, a NUL or :memory:",
    );
  }
  const absolute = resolve(path);
  const directory = dirname(absolute);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // SQLite makes two more files beside the database: the directory itself must be writable.
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new StartError(
      "directory_writable",
      `the directory of the database cannot be made or written (${codeOf(error)})`,
      error,
    );
  }
  createOrTighten(absolute);
  // The other two may be left from before, and take part in what the file holds.
  for (const suffix of ["-wal", "-shm"]) tighten(absolute + suffix);
  return absolute;
}

function createOrTighten(file: string): void {
  try {
    // Never open a file that exists: closing a descriptor drops the locks SQLite holds on that file
    // for this whole process (POSIX advisory locks).
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") {
      throw new StartError(
        "directory_writable",
        `the database file cannot be made (${codeOf(error)})`,
        error,
      );
    }
    if (!statSync(file).isFile()) {
      throw new StartError(
        "file_type",
        "the path of the database names something that is not a regular file",
      );
    }
    tighten(file);
  }
}

function tighten(file: string): void {
  try {
    const { mode } = statSync(file);
    if ((mode & 0o077) !== 0) chmodSync(file, 0o600);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw new StartError(
      "file_mode",
      `the database file is open to other users and its mode cannot be changed to 0600 (${codeOf(error)})`,
      error,
    );
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error
    ? String(error.code)
    : "unknown error";
}

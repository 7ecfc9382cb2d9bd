import { randomUUID } from "node:crypto";
import {
  chmod,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Makes the directory, if need be, and takes it away from everyone but its owner (mode 0700). */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  await ensureDirectory(path, 0o700);
  await chmod(path, 0o700);
}

/**
 * Makes a directory and those above it, where they are not there. Node's own recursive `mkdir` never
 * ends where the system answers "no such file" for a child of a directory that exists, as /proc does.
 *
 * @throws {Error} `<path>: …`, saying why there can be no directory
 */
export async function ensureDirectory(
  path: string,
  mode = 0o777,
): Promise<void> {
  const missing: string[] = [];
  let above = resolve(path);
  for (; !(await isDirectory(above)); above = dirname(above)) {
    if (above === dirname(above)) break;
    missing.unshift(above);
  }
  for (const directory of missing) {
    try {
      await mkdir(directory, { mode });
    } catch (error) {
      // Somebody else was faster.
      if (await isDirectory(directory)) continue;
      const why = error instanceof Error ? error.message : "unknown";
      throw new Error(`${path}: no directory can be made there (${why})`, {
        cause: error,
      });
    }
  }
}

/** Whether it is one; not, too, where we may not look. */
async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The text of a file, or undefined where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

/**
 * Replaces a file's content as a whole, readable by its owner alone (mode 0600). A crash leaves the
 * old content or the new, never a part.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

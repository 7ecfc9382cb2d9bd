import { mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeSocketPath, MAX_SOCKET_PATH_BYTES } from "./socket-path.ts";

/** A path that a socket can have, with nobody on it. */
export interface SocketPlace {
  readonly path: string;
  /** Removes what was made beside the socket itself. */
  remove(): Promise<void>;
}

/**
 * Finds a place for a socket in a folder. Socket paths are short: a folder too deep gets a link to a
 * socket in a private temporary folder.
 *
 * @throws {Error} somebody answers there, or something other than a socket is in the way
 */
export async function placeSocket(
  dir: string,
  name: string,
): Promise<SocketPlace> {
  const inside = join(dir, name);
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH_BYTES) {
    await freeSocketPath(inside);
    return { path: inside, remove: async () => {} };
  }
  const before = await realpath(inside).catch(() => undefined);
  if (before !== undefined) await freeSocketPath(before);
  await rm(inside, { force: true });
  const folder = await mkdtemp(join(tmpdir(), "accredit-"));
  const path = join(folder, name);
  await symlink(path, inside);
  return {
    path,
    async remove() {
      await rm(inside, { force: true });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

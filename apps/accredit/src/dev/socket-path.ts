import { once } from "node:events";
import { lstat, rm } from "node:fs/promises";
import { connect, type Server } from "node:net";

/** What fits a socket address on every system (macOS has the shortest: 104 with the final zero). */
export const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Makes way for a new Unix socket: removes the one that a process left behind when it died.
 *
 * @throws {Error} the path is too long, is no socket, or somebody answers on it
 */
export async function freeSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new Error(
      `${path}: a socket path may have at most ${MAX_SOCKET_PATH_BYTES} bytes, this one has ${Buffer.byteLength(path)}`,
    );
  }
  const there = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (there === undefined) return;
  if (!there.isSocket()) {
    throw new Error(
      `${path}: expected a socket or nothing, found another file`,
    );
  }
  if (await isAnswered(path)) {
    throw new Error(`${path}: another process already serves this socket`);
  }
  await rm(path, { force: true });
}

/** Listens on a socket that its owner alone may open; made within listen(), so at no moment may others. */
export async function listenPrivately(
  server: Server,
  path: string,
): Promise<void> {
  const previousMask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(previousMask);
  }
  await once(server, "listening").catch((cause: unknown) => {
    if (codeOf(cause) !== "EADDRINUSE") throw cause;
    throw new Error(`${path}: another process already serves this socket`, {
      cause,
    });
  });
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    // Only these say that nobody listens; a socket that we may not open could well be in use.
    const code = codeOf(error);
    if (code === "ECONNREFUSED" || code === "ENOENT") return false;
    throw error;
  } finally {
    socket.destroy();
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

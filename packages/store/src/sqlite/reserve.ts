import { randomFillSync } from "node:crypto";
import {
  closeSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/**
 * Room for the write-ahead log to grow by a few batches, and for the database to take them: from then on the
 * pages of what was deleted, and the log itself, are used again.
 */
const RESERVE_BYTES = 8 * 1024 * 1024;
/** Beside the reserve itself, so that it is not made from the last free bytes and given up at the next write. */
const MARGIN_BYTES = 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/**
 * A file beside the database that takes up room, so that there is some to give up when the disk is full. A file, since
 * free pages in the database are of no use to a write-ahead log that cannot grow. Its length says whether the room is
 * held: all processes on the database see the same.
 */
export interface Reserve {
  /**
   * Whether everything may be written: the room is held, taken now where the disk has it again. Where no such file can
   * be made for another reason than room, there is no reserve, and writes go as far as they go.
   */
  hold(): boolean;
  /** Leaves the room to whatever is written next. */
  giveUp(): void;
}

/** Where the reserve of a database lies. */
function reservePath(databasePath: string): string {
  return `${databasePath}-reserve`;
}

/** Epoch seconds: since when the reserve of a database has been given up; undefined where it is held. */
export function reserveGivenUpAt(databasePath: string): number | undefined {
  const stats = statSync(reservePath(databasePath), { throwIfNoEntry: false });
  return stats === undefined || stats.size >= RESERVE_BYTES
    ? undefined
    : Math.floor(stats.mtimeMs / 1000);
}

/** The reserve of a database. Holds nothing yet. */
export function makeReserve(databasePath: string): Reserve {
  const path = reservePath(databasePath);

  const isHeld = (): boolean =>
    (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= RESERVE_BYTES;

  const giveUp = (): void => {
    // Truncated, not deleted: the file then says since when.
    if (isHeld()) truncateSync(path, 0);
  };

  const hasRoom = (): boolean => {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize >= RESERVE_BYTES + MARGIN_BYTES;
  };

  const take = (): void => {
    const file = openSync(path, "a", 0o600);
    try {
      // Some file systems store zeros in no room at all.
      const chunk = randomFillSync(Buffer.alloc(CHUNK_BYTES));
      for (let missing = RESERVE_BYTES; missing > 0;)
        missing -= writeSync(file, chunk);
    } catch (error) {
      truncateSync(path, 0);
      throw error;
    } finally {
      closeSync(file);
    }
  };

  let isImpossible = false;
  return {
    giveUp,
    hold() {
      if (isImpossible) return true;
      try {
        if (isHeld()) return true;
        if (!hasRoom()) return false;
        take();
        return true;
      } catch (error) {
        // A quota, perhaps: the file system spoke of more room than we may have.
        isImpossible = !isNoRoom(error);
        if (isImpossible) rmSync(path, { force: true });
        return isImpossible;
      }
    },
  };
}

function isNoRoom(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === "ENOSPC" || error.code === "EDQUOT";
}

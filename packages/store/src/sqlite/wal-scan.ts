import { readFileSync } from "node:fs";

const FILE_HEADER = 32;
const FRAME_HEADER = 24;
const MAGIC = 0x377f0682; // The lowest bit of the stored magic says big-endian checksums.

type Sums = readonly [number, number];

/** The checksum of the SQLite file format, section 4.2: two running 32-bit sums over pairs of words. */
function addChecksum(
  view: DataView,
  from: number,
  to: number,
  start: Sums,
  littleEndian: boolean,
): Sums {
  let [a, b] = start;
  for (let i = from; i < to; i += 8) {
    a = (a + view.getUint32(i, littleEndian) + b) | 0;
    b = (b + view.getUint32(i + 4, littleEndian) + a) | 0;
  }
  return [a, b];
}

/**
 * Looks for damage inside a write-ahead log. SQLite stops silently at the first frame whose checksum is
 * wrong; that is right for the torn end a crash leaves and wrong for damage further up, where it would
 * drop committed transactions without a word. Every commit is on disk before the next one begins, so a
 * wrong frame is damage if a later transaction of the same log stands behind it.
 *
 * Returns the index (0-based) of the damaged frame, or undefined.
 */
export function findDamagedFrame(log: Uint8Array): number | undefined {
  if (log.byteLength < FILE_HEADER) return undefined;
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const magic = view.getUint32(0);
  if ((magic & ~1) >>> 0 !== MAGIC) return undefined;
  const littleEndian = (magic & 1) === 0;
  const pageSize = view.getUint32(8);
  if (pageSize < 512 || pageSize > 65536) return undefined;
  let sums = addChecksum(view, 0, 24, [0, 0], littleEndian);
  // A torn header: the log was being started afresh, nothing in it was committed.
  if (!storedSumsAre(view, 24, sums)) return undefined;

  const frameSize = FRAME_HEADER + pageSize;
  const frames = Math.floor((log.byteLength - FILE_HEADER) / frameSize);
  const at = (index: number): number => FILE_HEADER + index * frameSize;
  for (let index = 0; index < frames; index++) {
    const start = at(index);
    sums = addChecksum(view, start, start + 8, sums, littleEndian);
    const page = start + FRAME_HEADER;
    sums = addChecksum(view, page, page + pageSize, sums, littleEndian);
    if (!saltsMatch(view, start) || !storedSumsAre(view, start + 16, sums)) {
      return hasLaterTransaction(view, index, frames, at) ? index : undefined;
    }
  }
  return undefined;
}

function storedSumsAre(view: DataView, offset: number, sums: Sums): boolean {
  return (
    view.getInt32(offset) === sums[0] && view.getInt32(offset + 4) === sums[1]
  );
}

/** Frames left over from before the log was last started afresh carry other salts. */
function saltsMatch(view: DataView, frame: number): boolean {
  return (
    view.getUint32(frame + 8) === view.getUint32(16) &&
    view.getUint32(frame + 12) === view.getUint32(20)
  );
}

function hasLaterTransaction(
  view: DataView,
  damaged: number,
  frames: number,
  at: (index: number) => number,
): boolean {
  let committed = false;
  for (let index = damaged; index < frames; index++) {
    if (!saltsMatch(view, at(index))) continue;
    if (committed) return true;
    // A frame that commits says how many pages the database then has; others say zero.
    committed = view.getUint32(at(index) + 4) !== 0;
  }
  return false;
}

/** Scans the write-ahead log of a database file; see {@link findDamagedFrame}. */
export function scanWriteAheadLog(databasePath: string): number | undefined {
  let found: number | undefined;
  // Another process may be writing the log: damage is what two looks agree on.
  for (let look = 0; look < 2; look++) {
    let log: Uint8Array;
    try {
      log = readFileSync(`${databasePath}-wal`);
    } catch {
      return undefined;
    }
    const damaged = findDamagedFrame(log);
    if (damaged === undefined || (look > 0 && damaged !== found)) {
      return undefined;
    }
    found = damaged;
  }
  return found;
}

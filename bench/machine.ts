import {
  closeSync,
  fdatasyncSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { CORES } from "./options.ts";
import { median } from "./statistics.ts";

/** What has to be known of the machine to read the figures. No names, no paths. */
export interface MachineFacts {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** The file system that the databases are on. */
  readonly fileSystem: string;
  /** Median time of writing 4 KiB and waiting until it is on disk, in microseconds. */
  readonly syncMicroseconds: number;
}

// Magic numbers of statfs(2) on Linux.
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0xf2f52010, "f2fs"],
  [0x794c7630, "overlayfs"],
  [0x01021994, "tmpfs (memory: nothing is durable here)"],
  [0x6969, "nfs"],
]);

/** Describes the machine and the file system of a directory. */
export function describeMachine(directory: string): MachineFacts {
  const { type } = statfsSync(directory);
  return {
    cores: CORES,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release().split("-")[0]} ${arch()}`,
    node: process.version,
    fileSystem: FILE_SYSTEMS.get(type) ?? `type 0x${type.toString(16)}`,
    syncMicroseconds: measureSync(join(directory, "sync-probe")),
  };
}

/** A disk that answers in 20 us keeps what it says in a cache; in 10 ms, it turns. The reader decides. */
function measureSync(file: string): number {
  const block = Buffer.alloc(4096, 1);
  const fd = openSync(file, "w");
  const times: number[] = [];
  for (let i = 0; i < 50; i++) {
    const start = performance.now();
    writeSync(fd, block);
    fdatasyncSync(fd);
    times.push((performance.now() - start) * 1000);
  }
  closeSync(fd);
  rmSync(file);
  return Math.round(median(times));
}

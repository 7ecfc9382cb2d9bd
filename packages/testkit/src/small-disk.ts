import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of its own, in memory, that is soon full. */
export interface SmallDisk {
  readonly directory: string;
  remove(): void;
}

/** Why {@link mountSmallDisk} gives nothing, for what is left out then. */
export const NO_SMALL_DISK =
  "no file system may be mounted here; `unshare --user --map-root-user --mount` before the command lets it";

/** Makes a file system of so many bytes; undefined where this process may not. */
export function mountSmallDisk(bytes: number): SmallDisk | undefined {
  const directory = mkdtempSync(join(tmpdir(), "accredit-disk-"));
  const run = (command: string, ...args: readonly string[]): boolean =>
    spawnSync(command, args, { stdio: "ignore" }).status === 0;
  const remove = (): void => rmSync(directory, { recursive: true });

  const options = `size=${bytes},mode=0700`;
  if (!run("mount", "-t", "tmpfs", "-o", options, "tmpfs", directory)) {
    remove();
    return undefined;
  }
  return {
    directory,
    remove() {
      run("umount", "--lazy", directory);
      remove();
    },
  };
}

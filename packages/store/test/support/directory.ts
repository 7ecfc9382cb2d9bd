import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { Clock } from "@accredit/core/ports";

export const NOW = 1_750_000_000;
export const FIXED_CLOCK: Clock = { now: () => NOW };

/** A new directory that is removed when the test file is done. */
export function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "accredit-store-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

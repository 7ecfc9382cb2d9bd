import { createHash } from "node:crypto";

/** The SHA-256, in hex, that stands for a name in an index. */
export function keyOf(...names: readonly (string | number | null)[]): string {
  return createHash("sha256").update(JSON.stringify(names)).digest("hex");
}

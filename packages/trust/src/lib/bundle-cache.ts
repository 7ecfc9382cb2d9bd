import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readLocalFile } from "./local-file.ts";

/** A bundle document as it was read last, across restarts. */
export interface CachedBundle {
  /** Epoch seconds at which the read began. */
  readonly readAt: number;
  readonly document: Uint8Array;
}

/** Where bundles outlive the process; a start while every endpoint is down goes on with them (Q20). */
export interface BundleCache {
  /** Undefined where there is none, of this trust domain and source, that can be read. */
  load(signal: AbortSignal): Promise<CachedBundle | undefined>;
  save(bundle: CachedBundle): Promise<void>;
}

const MAX_BYTES = 2 * 1024 * 1024;

/**
 * A file for the bundle of one trust domain from one source. It is as much a matter of trust as the
 * configuration: the directory belongs to the server alone.
 */
export function bundleCache(
  directory: string,
  trustDomain: string,
  source: string,
): BundleCache {
  const digest = createHash("sha256").update(source).digest("hex");
  const file = join(directory, `${trustDomain}.${digest.slice(0, 16)}.json`);
  return {
    async load(signal) {
      try {
        const text = await readLocalFile(file, MAX_BYTES, signal);
        const stored = JSON.parse(text.toString("utf8")) as Record<
          string,
          unknown
        >;
        const { readAt, document } = stored;
        if (
          stored["trustDomain"] !== trustDomain ||
          stored["source"] !== source ||
          typeof readAt !== "number" ||
          typeof document !== "string"
        )
          return undefined;
        return { readAt, document: Buffer.from(document, "base64") };
      } catch {
        // None there, or one that a crash or somebody damaged: the source is asked as ever.
        signal.throwIfAborted();
        return undefined;
      }
    },
    async save({ readAt, document }) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const temporary = `${file}.${randomUUID()}`;
      const text = JSON.stringify({
        trustDomain,
        source,
        readAt,
        document: Buffer.from(document).toString("base64"),
      });
      try {
        await writeFile(temporary, text, { mode: 0o600, flush: true });
        await rename(temporary, file);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
  };
}

import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SourceError } from "../source-error.ts";
import { readLocalFile } from "./local-file.ts";

/** A bundle document as it was read last, across restarts. */
export interface CachedBundle {
  /** Epoch seconds at which the read began. */
  readonly readAt: number;
  readonly document: Uint8Array;
  /** The highest `spiffe_sequence` ever taken; the document itself may have none. */
  readonly highestSequence?: bigint | undefined;
}

/** Where bundles outlive the process; a start while every endpoint is down goes on with them (Q20). */
export interface BundleCache {
  /** The file's name within its directory. */
  readonly name: string;
  /**
   * Undefined where there is none.
   *
   * @throws {Error} for a file that cannot be read, is damaged, or holds something else
   */
  load(signal: AbortSignal): Promise<CachedBundle | undefined>;
  /** Replaces the file as a whole: a crash leaves the one before. */
  save(bundle: CachedBundle): Promise<void>;
}

const MAX_BYTES = 2 * 1024 * 1024;
/** Keeps file names within what file systems take: a trust domain's name has up to 255 bytes itself. */
const MAX_READABLE_NAME = 100;
const OURS = /^[a-z0-9._-]{1,100}\.[0-9a-f]{32}\.json(\.[0-9a-f-]{36})?$/;

/**
 * A file for the bundle of one trust domain from one source. It is as much a matter of trust as the
 * configuration: the directory belongs to the server alone.
 *
 * @param source - everything that says where the bundle comes from and whom that is believed of: with another
 * value it is another file, and nothing is taken over
 */
export function bundleCache(
  directory: string,
  trustDomain: string,
  source: string,
): BundleCache {
  const digest = createHash("sha256")
    .update(JSON.stringify([trustDomain, source]))
    .digest("hex");
  const name = `${trustDomain.slice(0, MAX_READABLE_NAME)}.${digest.slice(0, 32)}.json`;
  const file = join(directory, name);
  return {
    name,
    async load(signal) {
      let text: Buffer;
      try {
        text = await readLocalFile(file, MAX_BYTES, signal);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
      return parse(text.toString("utf8"), trustDomain, digest);
    },
    async save({ readAt, document, highestSequence }) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const temporary = `${file}.${randomUUID()}`;
      const text = JSON.stringify({
        trustDomain,
        source: digest,
        readAt,
        document: Buffer.from(document).toString("base64"),
        highestSequence: highestSequence?.toString(),
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

/**
 * Removes the files of trust domains and sources that are configured no more (FED-10), and what a crash left
 * half written. Nothing that this module did not make, going by the names.
 */
export async function removeOtherBundles(
  directory: string,
  kept: ReadonlySet<string>,
): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    if (kept.has(name) || !OURS.test(name)) continue;
    await rm(join(directory, name), { force: true }).catch(() => undefined);
  }
}

function parse(
  text: string,
  trustDomain: string,
  digest: string,
): CachedBundle {
  const stored: unknown = JSON.parse(text);
  if (stored === null || typeof stored !== "object") throw damaged();
  const { readAt, document, highestSequence, ...about } = stored as Record<
    string,
    unknown
  >;
  if (
    about["trustDomain"] !== trustDomain ||
    about["source"] !== digest ||
    typeof readAt !== "number" ||
    !Number.isFinite(readAt) ||
    typeof document !== "string" ||
    // Files of releases before have none.
    (highestSequence !== undefined && !isDecimal(highestSequence))
  )
    throw damaged();
  return {
    readAt,
    document: Buffer.from(document, "base64"),
    ...(highestSequence !== undefined && {
      highestSequence: BigInt(highestSequence),
    }),
  };
}

/** In text, since it may be larger than a number of JSON holds. */
function isDecimal(value: unknown): value is string {
  return typeof value === "string" && /^\d+$/.test(value);
}

function damaged(): Error {
  return new Error("expected a bundle of this trust domain and source");
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof SourceError)) return false;
  const { cause } = error;
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

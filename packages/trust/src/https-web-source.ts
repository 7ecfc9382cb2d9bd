import { X509Certificate } from "node:crypto";
import { DEFAULT_REFRESH_LIMITS } from "@accredit/core/trust";
import type { BundleSource } from "./bundle-source.ts";
import {
  MAX_DOCUMENT_BYTES,
  parseEndpointUrl,
  type FetchDocument,
} from "./fetch-document.ts";
import { readLocalFile } from "./lib/local-file.ts";
import { pollAgain } from "./lib/poll-again.ts";
import type { HttpsWebBundleOptions, KeeperClock } from "./options.ts";
import { SourceError } from "./source-error.ts";

/** What an https_web source needs of the world. */
export interface HttpsWebPorts {
  readonly clock: KeeperClock;
  readonly random: () => number;
  readonly fetch: FetchDocument;
}

/**
 * A bundle endpoint of profile `https_web`, polled.
 *
 * @throws {SourceError} `url_invalid`
 * @see SPIFFE Federation section 5.2.1
 */
export function createHttpsWebSource(
  options: HttpsWebBundleOptions,
  { clock, random, fetch }: HttpsWebPorts,
): BundleSource {
  const url = parseEndpointUrl(options.url);
  const { caFile, allowPrivateAddresses } = options;
  const limits = {
    floorSeconds:
      options.refreshFloorSeconds ?? DEFAULT_REFRESH_LIMITS.floorSeconds,
    ceilingSeconds:
      options.refreshCeilingSeconds ?? DEFAULT_REFRESH_LIMITS.ceilingSeconds,
  };
  return {
    description: `https_web ${url.origin}${url.pathname}`,
    authoritative: false,
    async read(signal) {
      const extraCa =
        caFile === undefined ? undefined : await readCa(caFile, signal);
      return fetch({ url, extraCa, allowPrivateAddresses, signal });
    },
    untilNext: (progress, signal) =>
      pollAgain(progress, limits, { clock, random }, signal),
  };
}

/** Read at each poll, so that a rotated authority needs no restart. */
async function readCa(file: string, signal: AbortSignal): Promise<string> {
  const pem = await readLocalFile(file, MAX_DOCUMENT_BYTES, signal).catch(
    (cause: unknown) => {
      signal.throwIfAborted();
      throw badCa(file, "a file that cannot be read", cause);
    },
  );
  try {
    // TLS passes over what it cannot read, and the endpoint's certificate would take the blame.
    void new X509Certificate(pem);
  } catch (cause) {
    throw badCa(file, "something else in it", cause);
  }
  return pem.toString("utf8");
}

function badCa(file: string, came: string, cause: unknown): SourceError {
  return new SourceError(
    "ca_file_unreadable",
    `expected PEM certificates in ${file}, got ${came}`,
    { cause },
  );
}

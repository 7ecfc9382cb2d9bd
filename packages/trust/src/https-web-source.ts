import { X509Certificate } from "node:crypto";
import {
  DEFAULT_REFRESH_LIMITS,
  nextRefreshSeconds,
} from "@accredit/core/trust";
import type { BundleSource } from "./bundle-source.ts";
import {
  MAX_DOCUMENT_BYTES,
  parseEndpointUrl,
  type FetchDocument,
} from "./fetch-document.ts";
import { readLocalFile } from "./lib/local-file.ts";
import type { HttpsWebBundleOptions, KeeperClock } from "./options.ts";
import { SourceError } from "./source-error.ts";

/** Longest pause before an endpoint that has never answered is tried again. */
const MAX_FIRST_LOAD_PAUSE_SECONDS = 30;

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
    async untilNext({ loaded, refreshHintSeconds, failures }, signal) {
      // Once a bundle is held, a failure waits like a success (FED-08). Before that the server is of no use
      // to the trust domain, so an endpoint that starts a little later is found soon.
      const seconds = loaded
        ? nextRefreshSeconds(refreshHintSeconds, limits)
        : firstLoadPause(failures, random);
      await clock.sleep(seconds * 1000, signal);
    },
  };
}

/** 1, 2, 4, ... 30 seconds, each between half and all of it, so that servers do not retry in step. */
function firstLoadPause(failures: number, random: () => number): number {
  const longest = Math.min(
    MAX_FIRST_LOAD_PAUSE_SECONDS,
    2 ** Math.max(0, failures - 1),
  );
  return longest * (0.5 + random() / 2);
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

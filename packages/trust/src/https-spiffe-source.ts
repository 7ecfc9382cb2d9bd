import { DcrError } from "@accredit/core/errors";
import {
  parseSpiffeBundle,
  verifyX509Svid,
  type SpiffeBundle,
  type SpiffeId,
} from "@accredit/core/spiffe";
import { DEFAULT_REFRESH_LIMITS } from "@accredit/core/trust";
import type { BundleSource } from "./bundle-source.ts";
import {
  MAX_DOCUMENT_BYTES,
  parseEndpointUrl,
  type FetchDocument,
} from "./fetch-document.ts";
import { readLocalFile } from "./lib/local-file.ts";
import { pollAgain } from "./lib/poll-again.ts";
import type { HttpsSpiffeBundleOptions, KeeperClock } from "./options.ts";
import { SourceError } from "./source-error.ts";

/** What an https_spiffe source needs of the world. */
export interface HttpsSpiffePorts {
  readonly clock: KeeperClock;
  readonly random: () => number;
  readonly fetch: FetchDocument;
  /** The SPIFFE ID that the endpoint's certificate has to name, and no other. */
  readonly endpoint: SpiffeId;
  /**
   * The bundle that the endpoint's trust domain has now; undefined while none has loaded. Where the endpoint
   * serves its own trust domain, it is the bundle fetched last: the trust rolls forward with it.
   *
   * @throws {SourceError} `endpoint_not_trusted` where that bundle is too old
   */
  readonly heldBundle: () => SpiffeBundle | undefined;
}

/**
 * A bundle endpoint of profile `https_spiffe`, polled: its certificate is an X509-SVID of one configured
 * SPIFFE ID, verified against the bundle that we hold of that ID's trust domain. The bootstrap file is
 * asked only while nothing is held. Never Web PKI, and the host name means nothing.
 *
 * @throws {SourceError} `url_invalid`
 * @see SPIFFE Federation section 5.2.2
 */
export function createHttpsSpiffeSource(
  options: HttpsSpiffeBundleOptions,
  { clock, random, fetch, endpoint, heldBundle }: HttpsSpiffePorts,
): BundleSource {
  const url = parseEndpointUrl(options.url);
  const { allowPrivateAddresses, bootstrapFile } = options;
  const limits = {
    floorSeconds:
      options.refreshFloorSeconds ?? DEFAULT_REFRESH_LIMITS.floorSeconds,
    ceilingSeconds:
      options.refreshCeilingSeconds ?? DEFAULT_REFRESH_LIMITS.ceilingSeconds,
  };
  return {
    description: `https_spiffe ${url.origin}${url.pathname}`,
    authoritative: false,
    async read(signal) {
      const bundle = heldBundle() ?? (await bootstrap(bootstrapFile, signal));
      return fetch({
        url,
        allowPrivateAddresses,
        signal,
        verifyPeer: (chain) =>
          verifyEndpoint(chain, endpoint, bundle, clock.now()),
      });
    },
    untilNext: (progress, signal) =>
      pollAgain(progress, limits, { clock, random }, signal),
  };
}

async function bootstrap(
  file: string | undefined,
  signal: AbortSignal,
): Promise<SpiffeBundle> {
  if (file === undefined) {
    throw new SourceError(
      "bootstrap_missing",
      "expected a bundle of the endpoint's trust domain, or a bootstrap file, got neither yet",
    );
  }
  const document = await readLocalFile(file, MAX_DOCUMENT_BYTES, signal);
  try {
    return await parseSpiffeBundle(document);
  } catch (cause) {
    throw new SourceError(
      "bootstrap_missing",
      `expected a SPIFFE bundle in ${file}, got ${cause instanceof DcrError ? cause.message : "something else"}`,
      { cause },
    );
  }
}

/**
 * Before a byte of the request is sent.
 *
 * @throws {SourceError} `endpoint_not_trusted`
 */
async function verifyEndpoint(
  chain: readonly Uint8Array[],
  endpoint: SpiffeId,
  bundle: SpiffeBundle,
  now: number,
): Promise<void> {
  const trust = {
    // One trust domain is asked for, and its bundle is the only one there is (X01).
    spiffe: (trustDomain: SpiffeId["trustDomain"]) =>
      trustDomain === endpoint.trustDomain
        ? ({
            trustDomain,
            issuer: { mode: "ignore", values: [] },
            keyId: "optional",
            bundle,
          } as const)
        : undefined,
  };
  let came: string;
  try {
    const { subject } = await verifyX509Svid(chain, trust, {
      now,
      clockToleranceSeconds: 60,
      usage: "server",
    });
    if (subject.uri === endpoint.uri) return;
    came = "an X509-SVID of another SPIFFE ID";
  } catch (error) {
    if (!(error instanceof DcrError)) throw error;
    came = error.message;
  }
  throw new SourceError(
    "endpoint_not_trusted",
    `expected the X509-SVID of ${endpoint.uri} from the endpoint, got another certificate: ${came}`,
  );
}

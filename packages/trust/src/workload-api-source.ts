import {
  createJwtSource,
  createWorkloadApiClient,
  createX509BundleSource,
  type WorkloadApiSource,
} from "@accredit/workload-api";
import {
  readJwtAuthorities,
  readX509Authorities,
  type SpiffeBundle,
  type TrustDomainName,
} from "@accredit/core/spiffe";
import type { BundleSource } from "./bundle-source.ts";
import type { KeeperClock } from "./options.ts";
import { SourceError } from "./source-error.ts";

/** How long the first messages of a stream are waited for, milliseconds. */
const FIRST_MESSAGE_MS = 5000;
/** A change that no stream told of is looked for after this long, milliseconds. */
const POLL_MS = 30_000;

/** The two bundle streams of one Workload API, shared by every trust domain that is kept from there. */
export interface WorkloadApiBundles {
  readonly jwt: WorkloadApiSource<ReadonlyMap<string, Uint8Array>>;
  readonly x509: WorkloadApiSource<{
    readonly bundles: ReadonlyMap<string, readonly Uint8Array[]>;
  }>;
  close(): void;
}

/**
 * Opens the bundle streams of a Workload API; they reconnect by themselves.
 *
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 */
export function openWorkloadApiBundles(
  address: string,
  clock: KeeperClock,
): WorkloadApiBundles {
  const client = createWorkloadApiClient({ address });
  const options = { client, clock };
  const jwt = createJwtSource(options);
  const x509 = createX509BundleSource(options);
  return {
    jwt,
    x509,
    close() {
      jwt.close();
      x509.close();
      client.close();
    },
  };
}

/**
 * The bundle of one trust domain as a Workload API streams it: the JWT keys and X.509 authorities under its
 * own SPIFFE ID, never another's. What the endpoint takes back is gone at once (WAPI-10).
 *
 * @see SPIFFE Workload API sections 5.2.2 and 6.2.2
 */
export function createWorkloadApiSource(
  trustDomain: TrustDomainName,
  address: string,
  { jwt, x509 }: WorkloadApiBundles,
  clock: KeeperClock,
): BundleSource {
  const id = `spiffe://${trustDomain}`;
  return {
    description: `workload_api ${address}`,
    // While both streams are open they say what is true now; a broken one makes the attempt fail.
    authoritative: true,
    async read(signal) {
      const limit = AbortSignal.any([
        signal,
        AbortSignal.timeout(FIRST_MESSAGE_MS),
      ]);
      const [jwtBundles, x509Bundles] = await Promise.all([
        stateOf(jwt, limit),
        stateOf(x509, limit),
      ]);
      signal.throwIfAborted();
      return encode({
        jwks: jwtBundles?.get(id),
        certificates: x509Bundles?.bundles.get(id) ?? [],
      });
    },
    parse: parseDocument,
    async untilNext(_progress, signal) {
      const pause = new AbortController();
      const ended = AbortSignal.any([signal, pause.signal]);
      const changed = new Promise<void>((resolve) => {
        for (const source of [jwt, x509]) {
          const forget = source.onChange(() => resolve());
          ended.addEventListener("abort", forget, { once: true });
        }
      });
      // A stream that breaks is no change: its error is looked at after a while.
      const poll = clock.sleep(POLL_MS, ended).catch(() => undefined);
      await Promise.race([changed, poll]);
      pause.abort();
      signal.throwIfAborted();
    },
  };
}

/**
 * What a stream says now; undefined where it has taken everything back, or where the endpoint does not serve
 * this kind of bundle at all.
 *
 * @throws {SourceError} `workload_api_failed`
 */
async function stateOf<State>(
  source: WorkloadApiSource<State>,
  limit: AbortSignal,
): Promise<State | undefined> {
  const known = source.error()?.code;
  if (known === undefined) await source.ready(limit).catch(() => undefined);
  const error = source.error();
  if (error === undefined) {
    const state = source.current();
    if (state !== undefined) return state;
    throw failed("no message in time");
  }
  const { code } = error;
  if (code === "redacted" || code === "no_identity" || code === "unimplemented")
    return undefined;
  throw failed(error.message, error);
}

interface StreamedBundle {
  readonly jwks: Uint8Array | undefined;
  readonly certificates: readonly Uint8Array[];
}

/** One document of both, so that the keeper compares and keeps it like any other. */
function encode({ jwks, certificates }: StreamedBundle): Uint8Array {
  const base64 = (bytes: Uint8Array): string =>
    Buffer.from(bytes).toString("base64");
  return Buffer.from(
    JSON.stringify({
      jwks: jwks === undefined ? null : base64(jwks),
      x509: certificates.map(base64),
    }),
  );
}

/** @throws {DcrError} `bundle_invalid` */
async function parseDocument(document: Uint8Array): Promise<SpiffeBundle> {
  const { jwks, x509 } = JSON.parse(Buffer.from(document).toString("utf8")) as {
    readonly jwks: string | null;
    readonly x509: readonly string[];
  };
  const jwt =
    jwks === null
      ? { jwtAuthorities: new Map<string, never>(), skipped: [] }
      : readJwtAuthorities(Buffer.from(jwks, "base64"));
  const certificates = x509.map((der) => Buffer.from(der, "base64"));
  const authorities = readX509Authorities(certificates);
  return {
    ...jwt,
    ...authorities,
    witAuthorities: new Map(),
    sequence: undefined,
    refreshHintSeconds: undefined,
    skipped: [...jwt.skipped, ...authorities.skipped],
  };
}

function failed(why: string, cause?: unknown): SourceError {
  return new SourceError(
    "workload_api_failed",
    `expected bundles from the Workload API, got a failure: ${why}`,
    { cause },
  );
}

import {
  createJwtSource,
  createWitBundleSource,
  createWorkloadApiClient,
  createX509BundleSource,
  type WorkloadApiSource,
  type X509Bundles,
} from "@accredit/workload-api";
import {
  readJwtAuthorities,
  readWitAuthorities,
  readX509Authorities,
  type SpiffeBundle,
  type TrustDomainName,
} from "@accredit/core/spiffe";
import type { BundleSource } from "./bundle-source.ts";
import { abortable } from "./lib/abortable.ts";
import type { KeeperClock } from "./options.ts";
import { SourceError } from "./source-error.ts";

/** How long the first messages of a stream are waited for, milliseconds. */
const FIRST_MESSAGE_MS = 5000;
/** How often is looked, beside what the streams tell of, and while they fail, milliseconds. */
const POLL_MS = 30_000;
const FAILING_POLL_MS = 1000;

type JwtBundles = ReadonlyMap<string, Uint8Array>;
type WitBundles = ReadonlyMap<string, string>;

/** The bundle streams of one Workload API, shared by every trust domain that is kept from there. */
export interface WorkloadApiBundles {
  /** The streams; opened by the first call, and then they reconnect by themselves. */
  streams(): {
    readonly jwt: WorkloadApiSource<JwtBundles>;
    readonly x509: WorkloadApiSource<X509Bundles>;
    /** Few endpoints serve them (WAPI-09). */
    readonly wit: WorkloadApiSource<WitBundles>;
  };
  /** Tells of each message and each failure of any stream. */
  onEvent(listener: () => void): void;
  close(): void;
}

/**
 * Makes the bundle streams of a Workload API; nothing connects yet.
 *
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 */
export function openWorkloadApiBundles(
  address: string,
  clock: KeeperClock,
): WorkloadApiBundles {
  const client = createWorkloadApiClient({ address });
  const listeners: (() => void)[] = [];
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  let opened: ReturnType<WorkloadApiBundles["streams"]> | undefined;
  return {
    streams() {
      if (opened !== undefined) return opened;
      const options = { client, clock, onError: tell };
      const jwt = createJwtSource(options);
      const x509 = createX509BundleSource(options);
      jwt.onChange(tell);
      x509.onChange(tell);
      const wit = createWitBundleSource(options);
      wit.onChange(tell);
      opened = { jwt, x509, wit };
      return opened;
    },
    onEvent: (listener) => void listeners.push(listener),
    close() {
      opened?.jwt.close();
      opened?.x509.close();
      opened?.wit.close();
      client.close();
    },
  };
}

/**
 * The bundle of one trust domain as a Workload API streams it: the JWT and WIT keys and X.509 authorities under its
 * own SPIFFE ID, never another's. What the endpoint takes back is gone at once (WAPI-10).
 *
 * @see SPIFFE Workload API sections 5.2.2 and 6.2.2
 */
export function createWorkloadApiSource(
  trustDomain: TrustDomainName,
  address: string,
  bundles: WorkloadApiBundles,
  clock: KeeperClock,
): BundleSource {
  const id = `spiffe://${trustDomain}`;
  // Whether anything happened since the last attempt began; what comes while one runs is not missed.
  let news = Promise.withResolvers<void>();
  bundles.onEvent(() => news.resolve());
  let shortcoming: string | undefined;
  return {
    description: `workload_api ${address}`,
    // While the streams are open they say what is true now; a broken one makes the attempt fail.
    authoritative: true,
    shortcoming: () => shortcoming,
    async read(signal) {
      news = Promise.withResolvers();
      const { jwt, x509, wit } = bundles.streams();
      const limit = AbortSignal.any([
        signal,
        AbortSignal.timeout(FIRST_MESSAGE_MS),
      ]);
      const hasWord = (source: Stream): boolean =>
        source.current() !== undefined || source.error() !== undefined;
      while (![jwt, x509, wit].every(hasWord) && !limit.aborted) {
        await abortable(news.promise, limit).catch(() => undefined);
        news = Promise.withResolvers();
      }
      signal.throwIfAborted();
      const [jwtBundles, x509Bundles] = [stateOf(jwt), stateOf(x509)];
      const witBundle = stateOf(wit)?.get(id);
      shortcoming =
        jwt.error()?.message ??
        x509.error()?.message ??
        `nothing is streamed for ${id}`;
      return encode({
        jwks: jwtBundles?.get(id),
        certificates: x509Bundles?.bundles.get(id) ?? [],
        witJwks: witBundle === undefined ? undefined : Buffer.from(witBundle),
      });
    },
    parse: parseDocument,
    async untilNext({ failures }, signal) {
      const pause = new AbortController();
      const ended = AbortSignal.any([signal, pause.signal]);
      const wait = failures === 0 ? POLL_MS : FAILING_POLL_MS;
      const poll = clock.sleep(wait, ended).catch(() => undefined);
      await Promise.race([news.promise, poll]);
      pause.abort();
      signal.throwIfAborted();
    },
  };
}

type Stream = WorkloadApiSource<unknown>;

/**
 * What a stream says now; undefined where it has taken everything back, or where the endpoint does not serve
 * this kind of bundle at all.
 *
 * @throws {SourceError} `workload_api_failed`
 */
function stateOf<State>(source: WorkloadApiSource<State>): State | undefined {
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
  readonly witJwks: Uint8Array | undefined;
}

/** One document of all, so that the keeper compares and keeps it like any other. */
function encode({ jwks, certificates, witJwks }: StreamedBundle): Uint8Array {
  const base64 = (bytes: Uint8Array): string =>
    Buffer.from(bytes).toString("base64");
  return Buffer.from(
    JSON.stringify({
      jwks: jwks === undefined ? null : base64(jwks),
      x509: certificates.map(base64),
      wit: witJwks === undefined ? null : base64(witJwks),
    }),
  );
}

/** @throws {DcrError} `bundle_invalid` */
async function parseDocument(document: Uint8Array): Promise<SpiffeBundle> {
  const { jwks, x509, wit } = JSON.parse(
    Buffer.from(document).toString("utf8"),
  ) as {
    readonly jwks: string | null;
    readonly x509: readonly string[];
    readonly wit: string | null;
  };
  const jwt =
    jwks === null
      ? { jwtAuthorities: new Map<string, never>(), skipped: [] }
      : readJwtAuthorities(Buffer.from(jwks, "base64"));
  const witKeys =
    wit === null
      ? { witAuthorities: new Map<string, never>(), skipped: [] }
      : readWitAuthorities(Buffer.from(wit, "base64"));
  const certificates = x509.map((der) => Buffer.from(der, "base64"));
  const authorities = readX509Authorities(certificates);
  return {
    ...jwt,
    ...authorities,
    ...witKeys,
    sequence: undefined,
    refreshHintSeconds: undefined,
    skipped: [...jwt.skipped, ...authorities.skipped, ...witKeys.skipped],
  };
}

function failed(why: string, cause?: unknown): SourceError {
  return new SourceError(
    "workload_api_failed",
    `expected bundles from the Workload API, got a failure: ${why}`,
    { cause },
  );
}

import type { WorkloadApiSource, X509Bundles } from "@accredit/workload-api";
import { parseWorkloadApiAddress } from "@accredit/workload-api/address";
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

interface BundleStreams {
  readonly jwt: WorkloadApiSource<JwtBundles>;
  readonly x509: WorkloadApiSource<X509Bundles>;
  /** Undefined where nobody wants WIT keys. Few endpoints serve them (WAPI-09). */
  readonly wit: WorkloadApiSource<WitBundles> | undefined;
}

/** The bundle streams of one Workload API, shared by every trust domain that is kept from there. */
export interface WorkloadApiBundles {
  /** The streams; opened by the first call, and then they reconnect by themselves. */
  streams(): Promise<BundleStreams>;
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
  takesWit: boolean,
): WorkloadApiBundles {
  parseWorkloadApiAddress(address);
  const listeners: (() => void)[] = [];
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const closing = new AbortController();
  const open = async (): Promise<BundleStreams> => {
    // Only where there is one to speak to: gRPC takes a good part of a server's start.
    const api = await import("@accredit/workload-api");
    const { signal } = closing;
    const client = api.createWorkloadApiClient({ address, signal });
    const options = { client, clock, signal, onError: tell };
    const jwt = api.createJwtSource(options);
    // Each trust domain is kept by itself: what is wrong with one's bundle is no other's matter.
    const x509 = api.createX509BundleSource({
      ...options,
      unreadableBundles: "leave_out",
    });
    const wit = takesWit ? api.createWitBundleSource(options) : undefined;
    jwt.onChange(tell);
    x509.onChange(tell);
    wit?.onChange(tell);
    return { jwt, x509, wit };
  };
  let opened: Promise<BundleStreams> | undefined;
  return {
    streams: () => (opened ??= open()),
    onEvent: (listener) => void listeners.push(listener),
    close: () => closing.abort(),
  };
}

/** What a {@link createWorkloadApiSource} is made of. */
export interface WorkloadApiSourceOptions {
  readonly address: string;
  readonly bundles: WorkloadApiBundles;
  /** How long what a broken stream said last is used, in seconds. */
  readonly maxStaleSeconds: number;
  readonly clock: KeeperClock;
}

/**
 * The bundle of one trust domain as a Workload API streams it: the JWT and WIT keys and X.509 authorities under its
 * own SPIFFE ID, never another's. What the endpoint takes back is gone at once (WAPI-10), whatever becomes of
 * the other streams: of a broken one, and of a bundle that cannot be read, what was said last is used until it is
 * too old.
 *
 * @see SPIFFE Workload API sections 5.2.2 and 6.2.2
 */
export function createWorkloadApiSource(
  trustDomain: TrustDomainName,
  { address, bundles, maxStaleSeconds, clock }: WorkloadApiSourceOptions,
): BundleSource {
  const id = `spiffe://${trustDomain}`;
  // Whether anything happened since the last attempt began; what comes while one runs is not missed.
  let news = Promise.withResolvers<void>();
  bundles.onEvent(() => news.resolve());
  /** What each stream said last of this trust domain, and when, in epoch seconds. */
  let said: Partial<
    Record<Kind, { readonly part: Part; readonly at: number }>
  > = {};
  /** The first attempt alone waits for a stream that is silent. */
  let hasWaited = false;
  let shortcoming: string | undefined;
  let partialFailure: string | undefined;

  const firstWords = async (signal: AbortSignal): Promise<void> => {
    const streams = Object.values(await bundles.streams());
    const limit = AbortSignal.any([
      signal,
      AbortSignal.timeout(FIRST_MESSAGE_MS),
    ]);
    while (!hasWaited && !limit.aborted) {
      hasWaited = streams.every(
        (stream) =>
          stream === undefined ||
          stream.current() !== undefined ||
          stream.error() !== undefined,
      );
      if (hasWaited) return;
      await abortable(news.promise, limit).catch(() => undefined);
      news = Promise.withResolvers();
    }
    signal.throwIfAborted();
    hasWaited = true;
  };

  return {
    description: `workload_api ${address}`,
    // While the streams are open they say what is true now; broken ones make the attempt fail.
    authoritative: true,
    shortcoming: () => shortcoming,
    partialFailure: () => partialFailure,
    resume(document, at) {
      const { jwt, x509, wit } = decode(document);
      said = {
        jwt: { part: jwt, at },
        x509: { part: x509, at },
        wit: { part: wit, at },
      };
    },
    async read(signal) {
      news = Promise.withResolvers();
      await firstWords(signal);
      const { jwt, x509, wit } = await bundles.streams();
      const words = {
        jwt: wordOf(jwt, (state) => state.get(id)),
        x509: wordOf(
          x509,
          ({ bundles: all }) => all.get(id),
          ({ leftOut }) => leftOut?.get(id),
        ),
        wit: wordOf(wit, (state) => {
          const jwks = state.get(id);
          return jwks === undefined ? undefined : Buffer.from(jwks);
        }),
      };
      const now = clock.now();
      const failures: string[] = [];
      const parts: Record<Kind, Part> = { jwt: [], x509: [], wit: [] };
      for (const kind of KINDS) {
        const { part, failure } = words[kind];
        if (failure === undefined) {
          said[kind] = { part: part ?? [], at: now };
        } else failures.push(`${kind}: ${failure}`);
        const last = said[kind];
        if (last !== undefined && now - last.at <= maxStaleSeconds)
          parts[kind] = last.part;
      }
      const isSpoken = KINDS.some((kind) => words[kind].part !== undefined);
      // Nobody there to say anything: what is held stays, and grows older.
      if (failures.length > 0 && !isSpoken)
        throw failed(failures.join("; "), jwt.error() ?? x509.error());
      partialFailure =
        failures.length === 0
          ? undefined
          : `expected every kind of key that the Workload API streams, got ${failures.join("; ")}`;
      shortcoming =
        jwt.error()?.message ??
        x509.error()?.message ??
        `nothing is streamed for ${id}`;
      return encode(parts);
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

const KINDS = ["jwt", "x509", "wit"] as const;
type Kind = (typeof KINDS)[number];
/** One key set, or certificates; none: nothing. */
type Part = readonly Uint8Array[];

/** What a stream says now: its part of the bundle, nothing at all, or nothing that can be read. */
interface Word {
  /** Empty where the stream has taken everything back; undefined where it cannot be read, or is not served. */
  readonly part?: Part;
  readonly failure?: string;
}

/**
 * What a stream says now of one trust domain, or why that cannot be read. One that was taken back, or is not served, says that there is
 * nothing.
 */
function wordOf<State>(
  source: WorkloadApiSource<State> | undefined,
  pick: (state: State) => Uint8Array | readonly Uint8Array[] | undefined,
  whyUnreadable?: (state: State) => string | undefined,
): Word {
  const error = source?.error();
  if (source === undefined || error?.code === "unimplemented") return {};
  if (error?.code === "redacted" || error?.code === "no_identity")
    return { part: [] };
  if (error !== undefined) return { failure: error.message };
  const state = source.current();
  if (state === undefined) return { failure: "no message in time" };
  const failure = whyUnreadable?.(state);
  if (failure !== undefined) return { failure };
  const part = pick(state);
  return { part: part instanceof Uint8Array ? [part] : (part ?? []) };
}

/** One document of all, so that the keeper compares and keeps it like any other. */
function encode({ jwt, x509, wit }: Record<Kind, Part>): Uint8Array {
  const base64 = (bytes: Uint8Array): string =>
    Buffer.from(bytes).toString("base64");
  const [jwks] = jwt.map(base64);
  const [witJwks] = wit.map(base64);
  return Buffer.from(
    JSON.stringify({
      jwks: jwks ?? null,
      x509: x509.map(base64),
      wit: witJwks ?? null,
    }),
  );
}

function decode(document: Uint8Array): Record<Kind, Part> {
  const { jwks, x509, wit } = JSON.parse(
    Buffer.from(document).toString("utf8"),
  ) as {
    readonly jwks: string | null;
    readonly x509: readonly string[];
    readonly wit: string | null;
  };
  const bytes = (text: string): Uint8Array => Buffer.from(text, "base64");
  return {
    jwt: jwks === null ? [] : [bytes(jwks)],
    x509: x509.map(bytes),
    wit: wit === null ? [] : [bytes(wit)],
  };
}

/** @throws {DcrError} `bundle_invalid` */
async function parseDocument(document: Uint8Array): Promise<SpiffeBundle> {
  const parts = decode(document);
  const [jwks] = parts.jwt;
  const [witJwks] = parts.wit;
  const jwt =
    jwks === undefined
      ? { jwtAuthorities: new Map<string, never>(), skipped: [] }
      : readJwtAuthorities(jwks);
  const wit =
    witJwks === undefined
      ? { witAuthorities: new Map<string, never>(), skipped: [] }
      : readWitAuthorities(witJwks);
  const authorities = readX509Authorities(parts.x509);
  return {
    ...jwt,
    ...authorities,
    ...wit,
    sequence: undefined,
    refreshHintSeconds: undefined,
    skipped: [...jwt.skipped, ...authorities.skipped, ...wit.skipped],
  };
}

function failed(why: string, cause?: unknown): SourceError {
  return new SourceError(
    "workload_api_failed",
    `expected bundles from the Workload API, got a failure: ${why}`,
    { cause },
  );
}

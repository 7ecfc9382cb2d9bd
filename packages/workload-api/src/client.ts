import { createClient } from "@connectrpc/connect";
import { parseWorkloadApiAddress, requireAddress } from "./address.ts";
import type { CallSettings, WatchSettings } from "./calls.ts";
import { createCaller } from "./calls.ts";
import { openConnection } from "./connection.ts";
import { SpiffeWorkloadAPI } from "./gen/workloadapi_pb.ts";
import type { JwtSvid, ValidatedJwtSvid } from "./jwt-response.ts";
import {
  readJwtBundles,
  readJwtSvids,
  readValidation,
} from "./jwt-response.ts";
import type { WitSvid } from "./wit-response.ts";
import { readWitBundles, readWitSvids } from "./wit-response.ts";
import type {
  X509Bundles,
  X509BundlesReading,
  X509Context,
} from "./x509-response.ts";
import { readX509Bundles, readX509Context } from "./x509-response.ts";

/** How to reach a Workload API. */
export interface WorkloadApiClientOptions {
  /** As `parseWorkloadApiAddress` takes it; see `workloadApiAddressFromEnvironment`. */
  readonly address?: string | undefined;
  /** Closes the client when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** How long a call may wait for its answer, or a stream for its first message; milliseconds, 10 000 by default. */
  readonly deadlineMs?: number | undefined;
}

/** What a JWT-SVID is wanted for. */
export interface JwtSvidRequest extends CallSettings {
  /** The receivers the token shall be good for; at least one. */
  readonly audience: readonly string[];
  /** The identity wanted; all that the caller has where absent. */
  readonly spiffeId?: string | undefined;
}

/** A JWT-SVID that the caller received and wants verified. */
export interface JwtSvidValidation extends CallSettings {
  /** What the receiver answers to; the token must name it. */
  readonly audience: string;
  readonly svid: string;
}

/** Which WIT-SVIDs are wanted. */
export interface WitSvidRequest {
  /** The identity wanted; all that the caller has where absent. */
  readonly spiffeId?: string | undefined;
}

/**
 * A client of one Workload API endpoint. Holds a connection, opened by the first call.
 *
 * `fetch…` asks once; `watch…` follows a stream. Each item of a stream is the whole state: what is not
 * in it is not to be used any more (WAPI-10). An iteration ends when its signal aborts or the client
 * closes, and throws on everything else, a stream that the endpoint ends included (`stream_ended`); the
 * sources of this package call again by themselves. All of them throw `WorkloadApiError`.
 */
export interface WorkloadApiClient {
  /** The endpoint's address, as given. */
  readonly address: string;
  /**
   * Fetches JWT-SVIDs, the default identity first. They are not verified: the endpoint vouches for them.
   *
   * @throws {WorkloadApiError}
   * @throws {TypeError} no audience, or an empty one
   * @see SPIFFE Workload API, section 6.2.1
   */
  fetchJwtSvid(request: JwtSvidRequest): Promise<readonly JwtSvid[]>;
  /**
   * Fetches the JWT bundles: the JWK Set of each trust domain (UTF-8 JSON) by the trust domain's SPIFFE ID.
   *
   * @see SPIFFE Workload API, section 6.2.2
   */
  fetchJwtBundles(
    settings?: CallSettings,
  ): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Follows what `fetchJwtBundles` fetches. */
  watchJwtBundles(
    settings?: WatchSettings,
  ): AsyncIterable<ReadonlyMap<string, Uint8Array>>;
  /**
   * Has the endpoint verify a JWT-SVID. One that is not valid is refused with `invalid_argument`.
   *
   * @throws {WorkloadApiError}
   * @throws {TypeError} no audience, or no token
   * @see SPIFFE Workload API, section 6.2.3
   */
  validateJwtSvid(request: JwtSvidValidation): Promise<ValidatedJwtSvid>;
  /**
   * Fetches the caller's X.509-SVIDs with their keys and bundles, the default identity first.
   *
   * @see SPIFFE Workload API, section 5.2.1
   */
  fetchX509Svid(
    settings?: CallSettings & X509BundlesReading,
  ): Promise<X509Context>;
  /** Follows what `fetchX509Svid` fetches. */
  watchX509Svids(
    settings?: WatchSettings & X509BundlesReading,
  ): AsyncIterable<X509Context>;
  /**
   * Fetches what is needed to verify X.509-SVIDs of others, without one of one's own.
   *
   * @see SPIFFE Workload API, section 5.2.2
   */
  fetchX509Bundles(
    settings?: CallSettings & X509BundlesReading,
  ): Promise<X509Bundles>;
  /** Follows what `fetchX509Bundles` fetches. */
  watchX509Bundles(
    settings?: WatchSettings & X509BundlesReading,
  ): AsyncIterable<X509Bundles>;
  /**
   * Fetches the caller's WIT-SVIDs with their keys, the default identity first. Few endpoints serve
   * them; others refuse with `unimplemented` (WAPI-09).
   *
   * @see SPIFFE Workload API, section 7.2.1
   */
  fetchWitSvid(
    request?: WitSvidRequest & CallSettings,
  ): Promise<readonly WitSvid[]>;
  /** Follows what `fetchWitSvid` fetches. */
  watchWitSvids(
    request?: WitSvidRequest & WatchSettings,
  ): AsyncIterable<readonly WitSvid[]>;
  /**
   * Fetches the WIT bundles: the JWK Set of each trust domain (JSON) by the trust domain's SPIFFE ID.
   *
   * @see SPIFFE Workload API, section 7.2.2
   */
  fetchWitBundles(
    settings?: CallSettings,
  ): Promise<ReadonlyMap<string, string>>;
  /** Follows what `fetchWitBundles` fetches. */
  watchWitBundles(
    settings?: WatchSettings,
  ): AsyncIterable<ReadonlyMap<string, string>>;
  /** Ends every call and the connection. Calls made later are refused with `aborted`. */
  close(): void;
}

/**
 * Makes a client of the Workload API at an address. Does not connect yet.
 *
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 */
export function createWorkloadApiClient(
  options: WorkloadApiClientOptions,
): WorkloadApiClient {
  const { deadlineMs = 10_000 } = options;
  const address = requireAddress(options.address);
  const connection = openConnection(
    parseWorkloadApiAddress(address),
    deadlineMs,
  );
  const rpc = createClient(SpiffeWorkloadAPI, connection.transport);

  const closing = new AbortController();
  const close = (): void => {
    options.signal?.removeEventListener("abort", close);
    closing.abort();
    connection.close();
  };
  if (options.signal?.aborted === true) close();
  else options.signal?.addEventListener("abort", close, { once: true });

  const caller = createCaller(address, closing.signal, deadlineMs);
  return {
    address,
    close,
    // Async, so that a caller's mistake is a rejection like everything else.
    async fetchJwtSvid({ audience, spiffeId, signal }) {
      if (audience.length === 0 || audience.includes("")) {
        throw new TypeError("audience: expected one or more non-empty strings");
      }
      const request = { audience: [...audience], spiffeId: spiffeId ?? "" };
      return caller.ask(
        (call) => rpc.fetchJWTSVID(request, call),
        (response) => readJwtSvids(response, spiffeId),
        { signal },
      );
    },
    async validateJwtSvid({ audience, svid, signal }) {
      if (audience === "" || svid === "") {
        throw new TypeError("audience, svid: expected non-empty strings");
      }
      return caller.ask(
        (call) => rpc.validateJWTSVID({ audience, svid }, call),
        readValidation,
        { signal },
      );
    },
    fetchJwtBundles: (settings) =>
      caller.first(
        (call) => rpc.fetchJWTBundles({}, call),
        readJwtBundles,
        settings,
      ),
    watchJwtBundles: (settings) =>
      caller.watch(
        (call) => rpc.fetchJWTBundles({}, call),
        readJwtBundles,
        settings,
      ),
    fetchX509Svid: (settings) =>
      caller.first(
        (call) => rpc.fetchX509SVID({}, call),
        (response) => readX509Context(response, settings),
        settings,
      ),
    watchX509Svids: (settings) =>
      caller.watch(
        (call) => rpc.fetchX509SVID({}, call),
        (response) => readX509Context(response, settings),
        settings,
      ),
    fetchX509Bundles: (settings) =>
      caller.first(
        (call) => rpc.fetchX509Bundles({}, call),
        (response) => readX509Bundles(response, settings),
        settings,
      ),
    watchX509Bundles: (settings) =>
      caller.watch(
        (call) => rpc.fetchX509Bundles({}, call),
        (response) => readX509Bundles(response, settings),
        settings,
      ),
    fetchWitSvid: ({ spiffeId, ...settings } = {}) =>
      caller.first(
        (call) => rpc.fetchWITSVID({ spiffeId: spiffeId ?? "" }, call),
        (response) => readWitSvids(response, spiffeId),
        settings,
      ),
    watchWitSvids: ({ spiffeId, ...settings } = {}) =>
      caller.watch(
        (call) => rpc.fetchWITSVID({ spiffeId: spiffeId ?? "" }, call),
        (response) => readWitSvids(response, spiffeId),
        settings,
      ),
    fetchWitBundles: (settings) =>
      caller.first(
        (call) => rpc.fetchWITBundles({}, call),
        readWitBundles,
        settings,
      ),
    watchWitBundles: (settings) =>
      caller.watch(
        (call) => rpc.fetchWITBundles({}, call),
        readWitBundles,
        settings,
      ),
  };
}

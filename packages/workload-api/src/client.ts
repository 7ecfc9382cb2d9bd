import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { parseWorkloadApiAddress } from "./address.ts";
import { openConnection } from "./connection.ts";
import { WorkloadApiError, workloadApiErrorFrom } from "./error.ts";
import { SpiffeWorkloadAPI } from "./gen/workloadapi_pb.ts";
import type { JwtSvid } from "./response.ts";
import { readJwtBundles, readJwtSvids } from "./response.ts";

/** How to reach a Workload API. */
export interface WorkloadApiClientOptions {
  /** As `parseWorkloadApiAddress` takes it; the caller reads `SPIFFE_ENDPOINT_SOCKET`, not this package. */
  readonly address?: string | undefined;
  /** Closes the client when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** How long a call may wait for its answer, or a stream for its first message; milliseconds, 10 000 by default. */
  readonly deadlineMs?: number | undefined;
}

/** What a JWT-SVID is wanted for. */
export interface JwtSvidRequest {
  /** The receivers the token shall be good for; at least one. */
  readonly audience: readonly string[];
  /** The identity wanted; all that the caller has where absent. */
  readonly spiffeId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A client of one Workload API endpoint. Holds at most one connection, opened by the first call. */
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
   * Streams the JWT bundles: the JWK Set of each trust domain (UTF-8 JSON) by the trust domain's SPIFFE
   * ID. Each item is the whole state: a trust domain that is not in it is no longer trusted (WAPI-10).
   *
   * Ends when the signal aborts or the client closes. Throws on everything else, a stream that the
   * endpoint ends included; the caller decides when to call again.
   *
   * @throws {WorkloadApiError}
   * @see SPIFFE Workload API, section 6.2.2
   */
  watchJwtBundles(options?: {
    readonly signal?: AbortSignal | undefined;
  }): AsyncIterable<ReadonlyMap<string, Uint8Array>>;
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
  const { address, deadlineMs = 10_000 } = options;
  if (address === undefined || address === "") {
    throw new WorkloadApiError(
      "address_missing",
      "no Workload API address: give one, or set SPIFFE_ENDPOINT_SOCKET to unix:///absolute/path",
    );
  }
  const connection = openConnection(parseWorkloadApiAddress(address));
  const rpc = createClient(SpiffeWorkloadAPI, connection.transport);

  const closing = new AbortController();
  const close = (): void => {
    options.signal?.removeEventListener("abort", close);
    closing.abort();
    connection.close();
  };
  if (options.signal?.aborted === true) close();
  else options.signal?.addEventListener("abort", close, { once: true });

  const either = (signal: AbortSignal | undefined): AbortSignal =>
    signal === undefined
      ? closing.signal
      : AbortSignal.any([closing.signal, signal]);
  const aborted = (): WorkloadApiError =>
    new WorkloadApiError(
      "aborted",
      closing.signal.aborted
        ? "the Workload API client is closed"
        : "the call was aborted",
    );

  return {
    address,
    close,
    async fetchJwtSvid({ audience, spiffeId, signal }) {
      if (audience.length === 0 || audience.includes("")) {
        throw new TypeError("audience: expected one or more non-empty strings");
      }
      const ended = either(signal);
      if (ended.aborted) throw aborted();
      try {
        const response = await rpc.fetchJWTSVID(
          { audience: [...audience], spiffeId: spiffeId ?? "" },
          { signal: ended, timeoutMs: deadlineMs },
        );
        return readJwtSvids(response, spiffeId);
      } catch (error) {
        if (ended.aborted) throw aborted();
        throw workloadApiErrorFrom(error, address);
      }
    },
    async *watchJwtBundles({ signal } = {}) {
      const ended = either(signal);
      if (ended.aborted) return;
      const stop = new AbortController();
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        stop.abort();
      }, deadlineMs);
      try {
        const responses = rpc.fetchJWTBundles(
          {},
          { signal: AbortSignal.any([ended, stop.signal]) },
        );
        for await (const response of responses) {
          clearTimeout(timer);
          yield readJwtBundles(response);
        }
      } catch (error) {
        if (ended.aborted) return;
        throw workloadApiErrorFrom(
          late
            ? new ConnectError("no first message", Code.DeadlineExceeded)
            : error,
          address,
        );
      } finally {
        clearTimeout(timer);
        // Leaving the loop early does not by itself end the stream underneath.
        stop.abort();
      }
      if (ended.aborted) return;
      throw workloadApiErrorFrom(
        new ConnectError("the endpoint ended the stream", Code.Unavailable),
        address,
      );
    },
  };
}

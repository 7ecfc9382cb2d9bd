import type { JwtSvid, WorkloadApiClient } from "@accredit/workload-api";
import { AccreditClientError } from "./error.ts";
import { untilAborted } from "./lib/deadline.ts";

/** Where JWT-SVIDs come from; a Workload API client is one. */
export type JwtSvidSource = Pick<WorkloadApiClient, "fetchJwtSvid">;

/** Where X.509-SVIDs come from; a Workload API client is one. */
export type X509SvidSource = Pick<WorkloadApiClient, "fetchX509Svid">;

/** Which SVID is wanted. */
export interface SvidChoice {
  /** The identity that it has to be; the default one where absent. */
  readonly spiffeId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches a new JWT-SVID for one audience. None is kept: the agent knows best how long it serves.
 *
 * @throws {AccreditClientError} `svid_unavailable`
 * @throws the signal's reason
 */
export async function fetchJwtSvid(
  source: JwtSvidSource,
  audience: string,
  { spiffeId, signal }: SvidChoice = {},
): Promise<JwtSvid> {
  const [svid] = await orUnavailable("JWT-SVID", signal, () =>
    source.fetchJwtSvid({ audience: [audience], spiffeId, signal }),
  );
  if (svid === undefined) throw none("JWT-SVID");
  return svid;
}

/**
 * Asks a source of SVIDs, and gives its failures a code of ours.
 *
 * @throws {AccreditClientError} `svid_unavailable`
 * @throws the signal's reason
 */
export async function orUnavailable<T>(
  kind: string,
  signal: AbortSignal | undefined,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await untilAborted(ask(), signal);
  } catch (cause) {
    signal?.throwIfAborted();
    const said = cause instanceof Error ? cause.message : "it failed";
    throw new AccreditClientError("svid_unavailable", `no ${kind}: ${said}`, {
      cause,
    });
  }
}

export function none(kind: string): AccreditClientError {
  return new AccreditClientError(
    "svid_unavailable",
    `no ${kind}: the Workload API gave none for this identity`,
  );
}

import { CommandError, type Io } from "./io.ts";

/** Which SVID to fetch, and for whom. */
export interface SvidRequest {
  /** Undefined: `SPIFFE_ENDPOINT_SOCKET`. */
  readonly workloadApi: string | undefined;
  readonly audience: string;
  /** Undefined: the default identity. */
  readonly spiffeId: string | undefined;
}

/**
 * Fetches one JWT-SVID from the Workload API.
 *
 * @throws {CommandError} when there is no address or no SVID
 */
export async function fetchSvid(
  request: SvidRequest,
  io: Io,
): Promise<{ readonly spiffeId: string; readonly svid: string }> {
  const address = request.workloadApi ?? io.env["SPIFFE_ENDPOINT_SOCKET"];
  if (address === undefined || address === "") {
    throw new CommandError(
      "expected --workload-api ADDR or SPIFFE_ENDPOINT_SOCKET, got neither",
      2,
    );
  }
  const { createWorkloadApiClient } = await import("@accredit/workload-api");
  const client = openClient(() => createWorkloadApiClient({ address }));
  try {
    const [first] = await client.fetchJwtSvid({
      audience: [request.audience],
      ...(request.spiffeId === undefined ? {} : { spiffeId: request.spiffeId }),
      signal: io.signal,
    });
    if (first === undefined)
      throw new CommandError(`the Workload API at ${address} issued no SVID`);
    return first;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(
      error instanceof Error ? error.message : String(error),
      1,
      { cause: error },
    );
  } finally {
    client.close();
  }
}

/** An address that is none is a mistake in the command line. */
function openClient<T>(create: () => T): T {
  try {
    return create();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(message, 2, { cause });
  }
}

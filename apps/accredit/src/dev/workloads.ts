import { parseSpiffeId } from "@accredit/core/spiffe";
import { Code, ConnectError } from "@connectrpc/connect";

/** A workload that the development trust domain vouches for. */
export interface DevWorkload {
  /** In the trust domain, with a path. */
  readonly spiffeId: string;
  /** Client metadata and other claims that its JWT-SVIDs carry; none of those the domain sets itself. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Whether it gets X.509-SVIDs; it does unless this is false. */
  readonly x509?: boolean;
  /** Tells it apart from the other identities that come with it. At most 1024 bytes, none where absent. */
  readonly hint?: string;
  /** How long its SVIDs of every kind live, seconds; that of the trust domain where absent. */
  readonly ttlSeconds?: number;
}

/** The workloads of a trust domain, checked. */
export interface Workloads {
  /** The first one is the default identity. */
  readonly listed: readonly DevWorkload[];
  /**
   * Those that a call gets SVIDs for: the one it asks for, or every listed one where it asks for none.
   *
   * @throws {ConnectError} `InvalidArgument` for no SPIFFE ID, `PermissionDenied` where nobody is left
   */
  entitled(spiffeId: string): readonly DevWorkload[];
}

/** What makes up the workloads of a trust domain. */
export interface WorkloadsSettings {
  readonly trustDomain: string;
  readonly workloads: readonly DevWorkload[];
  /** Whether an ID of the trust domain that no workload is listed for gets an SVID, without metadata. */
  readonly allowAny: boolean;
}

/** Claims that the trust domain sets: a workload may not. */
const OWN_CLAIMS = ["sub", "aud", "exp", "iat", "iss"];
const MAX_HINT_BYTES = 1024;
const MIN_TTL_SECONDS = 2;
const MAX_TTL_SECONDS = 365 * 86_400;

/** The path of the trust domain's own identity, which its `https_spiffe` endpoint serves with. */
export const ENDPOINT_PATH = "/bundle-endpoint";

/**
 * Checks workloads.
 *
 * @throws {Error} a workload is outside the trust domain, is listed twice, shares a hint, sets a claim
 * that is not its own, or has a hint or a lifetime out of range
 */
export function createWorkloads(settings: WorkloadsSettings): Workloads {
  const { trustDomain, allowAny } = settings;
  const workloads = new Map<string, DevWorkload>();
  const hints = new Set<string>();
  for (const workload of settings.workloads) {
    const { spiffeId, hint = "" } = workload;
    const problem = isWorkloadOf(trustDomain, spiffeId)
      ? workloadProblem(workload, trustDomain)
      : `expected spiffe://${trustDomain}/<path>`;
    if (problem !== undefined)
      throw new Error(`workload ${spiffeId}: ${problem}`);
    if (workloads.has(spiffeId)) {
      throw new Error(`workload ${spiffeId} is listed twice`);
    }
    if (hint !== "" && hints.has(hint)) {
      throw new Error(`workload ${spiffeId}: another one has its hint`);
    }
    workloads.set(spiffeId, workload);
    hints.add(hint);
  }

  return {
    listed: [...workloads.values()],
    entitled(spiffeId) {
      const found = find(spiffeId);
      if (found.length > 0) return found;
      throw new ConnectError("no identity issued", Code.PermissionDenied);
    },
  };

  function find(spiffeId: string): readonly DevWorkload[] {
    if (spiffeId === "") return [...workloads.values()];
    if (!isSpiffeId(spiffeId)) {
      throw new ConnectError("malformed spiffe_id", Code.InvalidArgument);
    }
    const listed = workloads.get(spiffeId);
    if (listed !== undefined) return [listed];
    return allowAny && isWorkloadOf(trustDomain, spiffeId)
      ? [{ spiffeId }]
      : [];
  }
}

function workloadProblem(
  { spiffeId, claims = {}, hint = "", ttlSeconds }: DevWorkload,
  trustDomain: string,
): string | undefined {
  const own = OWN_CLAIMS.filter((name) => Object.hasOwn(claims, name));
  if (own.length > 0) return `the trust domain itself sets ${own.join(", ")}`;
  if (spiffeId === `spiffe://${trustDomain}${ENDPOINT_PATH}`)
    return "the trust domain's own bundle endpoint has this ID";
  if (Buffer.byteLength(hint) > MAX_HINT_BYTES)
    return `expected a hint of at most ${MAX_HINT_BYTES} bytes, got ${Buffer.byteLength(hint)}`;
  if (
    ttlSeconds !== undefined &&
    !(
      Number.isSafeInteger(ttlSeconds) &&
      ttlSeconds >= MIN_TTL_SECONDS &&
      ttlSeconds <= MAX_TTL_SECONDS
    )
  )
    return `expected a ttl of ${MIN_TTL_SECONDS} to ${MAX_TTL_SECONDS} seconds, got ${ttlSeconds}`;
  return undefined;
}

function isSpiffeId(text: string): boolean {
  try {
    parseSpiffeId(text);
    return true;
  } catch {
    return false;
  }
}

function isWorkloadOf(trustDomain: string, text: string): boolean {
  if (!isSpiffeId(text)) return false;
  const id = parseSpiffeId(text);
  return id.trustDomain === trustDomain && id.path !== "";
}

import type { Clock } from "@accredit/core/ports";
import { Code, ConnectError } from "@connectrpc/connect";
import type { DevAuthorities } from "./authorities.ts";
import type { Current } from "./follow.ts";
import { createKeptSvids, type KeptSvid } from "./kept-svids.ts";
import type { DevWorkload, Workloads } from "./workloads.ts";
import { makeX509Svid, type MadeX509Svid } from "./x509-authority.ts";

/** One X.509-SVID, as the Workload API gives it. */
export interface DevX509Svid {
  readonly spiffeId: string;
  /** DER, the leaf first. */
  readonly x509Svid: Uint8Array;
  /** PKCS#8, DER. */
  readonly x509SvidKey: Uint8Array;
  readonly hint: string;
}

/** Makes X.509-SVIDs and keeps them for half of their life. */
export interface X509SvidIssuer {
  /** The listed workloads' SVIDs, the default identity first; what it throws is a gRPC status. */
  current(): Promise<Current<readonly DevX509Svid[]>>;
  /** That of one workload, listed or not. */
  of(workload: DevWorkload): Promise<KeptSvid<MadeX509Svid>>;
}

/** Issues the X.509-SVIDs of a trust domain. */
export function createX509SvidIssuer(settings: {
  readonly workloads: Workloads;
  readonly authorities: DevAuthorities;
  readonly ttlSeconds: number;
  readonly clock: Clock;
}): X509SvidIssuer {
  const { authorities, workloads, ttlSeconds, clock } = settings;
  const of = createKeptSvids({
    authorityId: () => authorities.active("x509").id,
    mint: ({ spiffeId }, validity) =>
      makeX509Svid(authorities.active("x509"), spiffeId, validity),
    ttlSeconds,
    clock,
  });
  return {
    of,
    async current() {
      const listed = workloads.listed.filter(({ x509 = true }) => x509);
      if (listed.length === 0) {
        throw new ConnectError("no identity issued", Code.PermissionDenied);
      }
      const kept = await Promise.all(
        listed.map(async (workload) => ({ workload, ...(await of(workload)) })),
      );
      return {
        value: kept.map(({ workload: { spiffeId, hint = "" }, svid }) => ({
          spiffeId,
          x509Svid: Buffer.concat(svid.chain),
          x509SvidKey: svid.privateKey,
          hint,
        })),
        until: Math.min(...kept.map(({ renewAt }) => renewAt)),
      };
    },
  };
}

import type { Clock } from "@accredit/core/ports";
import type { DevWorkload } from "./workloads.ts";

/** An SVID that is given out again until half of its life is over or another authority signs. */
export interface KeptSvid<Svid> {
  readonly svid: Svid;
  /** When the next one is due, epoch seconds. */
  readonly renewAt: number;
}

/** How the SVIDs of one kind come about. */
export interface KeptSvidsSettings<Svid> {
  /** The ID of the authority that signs now. */
  readonly authorityId: () => string;
  readonly mint: (
    workload: DevWorkload,
    validity: { readonly now: number; readonly ttlSeconds: number },
  ) => Promise<Svid>;
  readonly ttlSeconds: number;
  readonly clock: Clock;
}

/**
 * Keeps one SVID per workload, as an agent does: made at the first call, and anew at half-life and when
 * the authority changes.
 */
export function createKeptSvids<Svid>(
  settings: KeptSvidsSettings<Svid>,
): (workload: DevWorkload) => Promise<KeptSvid<Svid>> {
  const { clock } = settings;
  const kept = new Map<
    string,
    {
      readonly authorityId: string;
      readonly renewAt: number;
      readonly svid: Promise<Svid>;
    }
  >();
  return async (workload) => {
    const { spiffeId, ttlSeconds = settings.ttlSeconds } = workload;
    const now = clock.now();
    const authorityId = settings.authorityId();
    let one = kept.get(spiffeId);
    if (
      one === undefined ||
      one.authorityId !== authorityId ||
      now >= one.renewAt
    ) {
      one = {
        authorityId,
        renewAt: now + Math.ceil(ttlSeconds / 2),
        svid: settings.mint(workload, { now, ttlSeconds }),
      };
      kept.set(spiffeId, one);
    }
    return { svid: await one.svid, renewAt: one.renewAt };
  };
}

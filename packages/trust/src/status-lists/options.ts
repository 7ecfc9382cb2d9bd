import type { StatusListTimes } from "@accredit/core/ports";
import type { IssuerKeySource, StatusListKind } from "@accredit/core/vc";
import type { FetchDocument } from "../fetch-document.ts";
import type { KeeperClock, KeeperLog } from "../options.ts";

/** A status list whose entries are others than before, or that was read for the first time. */
export interface StatusListChange {
  /** The issuer of the credentials on it. */
  readonly issuer: string;
  readonly listUrl: string;
  readonly kind: StatusListKind;
  readonly change: "first" | "changed";
}

/** What a keeper of status lists is made of. Times in seconds. */
export interface StatusListKeeperOptions {
  /** The keys of a configured issuer; undefined for any other. */
  readonly issuerKeys: (issuer: string) => IssuerKeySource | undefined;
  readonly clock: KeeperClock;
  readonly log: KeeperLog;
  /** Default: `fetchDocument`. */
  readonly fetch?: FetchDocument | undefined;
  /** From 0 to below 1; spreads refetches. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Remembers how new the lists are, so that a restart takes no older one (V23). Default: nobody does. */
  readonly times?: StatusListTimes | undefined;
  /** Hears of each list that changed, so that its clients can be judged anew. */
  readonly onChange?: ((change: StatusListChange) => void) | undefined;
  /**
   * Whether a list is still needed though nobody asked for a long time: its clients live on. Default: it is.
   */
  readonly isInUse?: ((listUrl: string) => boolean) | undefined;
  /** The origins that an issuer's lists may be at; undefined for any. Default: any. */
  readonly allowedOrigins?:
    ((issuer: string) => readonly string[] | undefined) | undefined;
  /** Whether the legacy StatusList2021 is taken (STAT-11). Default: no. */
  readonly allowStatusList2021?: boolean | undefined;
  /** Whether lists may be at private and special-use addresses. Default: no. */
  readonly allowPrivateAddresses?: boolean | undefined;
  /** PEM certificates trusted beside the system's. */
  readonly extraCa?: string | undefined;
  /** The bounds of the time between two fetches, whatever a list says of itself. Default: 30 and 900. */
  readonly floorSeconds?: number | undefined;
  readonly ceilingSeconds?: number | undefined;
  /** How long a list is used after it should have been fetched again and could not be. Default: 3600. */
  readonly maxStaleSeconds?: number | undefined;
  /** How far the clocks of issuers may be ahead. Default: 60. */
  readonly clockToleranceSeconds?: number | undefined;
  /** Fetches at one time, and those to one host. Default: 8 and 2. */
  readonly maxFetches?: number | undefined;
  readonly maxFetchesPerHost?: number | undefined;
  /** Lists and bytes of lists to hold; the one not asked for the longest goes first. Default: 1000, 256 MiB. */
  readonly maxLists?: number | undefined;
  readonly maxBytes?: number | undefined;
}

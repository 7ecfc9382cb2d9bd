import { readFileSync } from "node:fs";
import type { StatusListTimes } from "@accredit/core/ports";
import type { TrustDomainName } from "@accredit/core/spiffe";
import type { TrustSource } from "@accredit/core/trust";
import type { TrustSourceHealth } from "@accredit/server";
import {
  createCredentialIssuerKeeper,
  createStatusListKeeper,
  createTrustKeeper,
  type IssuerStatus,
  type KeeperLog,
  type StatusListChange,
  type StatusListKeeper,
} from "@accredit/trust";
import type { Config } from "../config/index.ts";
import { systemClock } from "./system-clock.ts";

/** Everybody whom the configuration trusts, kept fresh, and the status lists of their credentials. */
export interface OpenTrust {
  readonly source: TrustSource;
  readonly statuses: StatusListKeeper;
  health(): readonly TrustSourceHealth[];
  /** Reads a source anew; undefined where none has this name. */
  refresh(name: string): Promise<TrustSourceHealth | undefined>;
  /** Resolves after the first attempt at each source, a few seconds at most. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** What a server has besides: a dry run keeps nothing and is told of nothing. */
export interface TrustUse {
  /** Where bundles outlive the process; left out: nowhere. */
  readonly cacheDirectory?: string | undefined;
  readonly times?: StatusListTimes;
  readonly onChange?: (change: StatusListChange) => void;
  readonly isInUse?: (listUrl: string) => boolean;
}

/** Makes the keepers of a configuration's trust; nothing is read before `start`. */
export function openTrust(
  config: Config,
  log: KeeperLog,
  { cacheDirectory, ...use }: TrustUse = {},
): OpenTrust {
  const world = { clock: systemClock, log };
  const domains = createTrustKeeper({
    domains: config.trust,
    takesWit: config.takesWit,
    cacheDirectory,
    ...world,
  });
  const issuers = createCredentialIssuerKeeper({
    issuers: config.credentialIssuers.map(
      ({ configPath: _configPath, ...issuer }) => issuer,
    ),
    ...world,
  });
  const { caFile, ...limits } = config.statusLists;
  const statuses = createStatusListKeeper({
    ...world,
    ...limits,
    ...use,
    issuerKeys: (issuer) => issuers.credentialIssuer(issuer)?.keys,
    extraCa: caFile === undefined ? undefined : readFileSync(caFile, "utf8"),
  });
  return {
    source: {
      spiffe: (trustDomain) => domains.spiffe(trustDomain),
      credentialIssuer: (issuer) => issuers.credentialIssuer(issuer),
    },
    statuses,
    health: () => [...domains.status(), ...issuers.status().map(healthOf)],
    async refresh(name) {
      const domain = await domains.refresh(name as TrustDomainName);
      if (domain !== undefined) return domain;
      const issuer = await issuers.refresh(name);
      return issuer && healthOf(issuer);
    },
    async start() {
      statuses.start();
      await Promise.all([domains.start(), issuers.start()]);
    },
    async close() {
      await Promise.all([domains.close(), issuers.close(), statuses.close()]);
    },
  };
}

function healthOf({ issuer, ...status }: IssuerStatus): TrustSourceHealth {
  return { trustDomain: issuer, ...status };
}

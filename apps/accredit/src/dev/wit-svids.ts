import type { Clock } from "@accredit/core/ports";
import { exportJWK, generateKeyPair } from "jose";
import type { DevAuthorities } from "./authorities.ts";
import type { Current } from "./follow.ts";
import { createKeptSvids } from "./kept-svids.ts";
import { signToken } from "./signing-key.ts";
import type { Workloads } from "./workloads.ts";

/** One WIT-SVID, as the Workload API gives it. */
export interface DevWitSvid {
  readonly spiffeId: string;
  readonly witSvid: string;
  /** The private key that the token is bound to, a JWK in JSON. */
  readonly witSvidKey: string;
  readonly hint: string;
}

/** Makes WIT-SVIDs and keeps them for half of their life; what it throws is a gRPC status. */
export interface WitSvidIssuer {
  /** Those of the identity asked for, or of every listed one, the default first. */
  current(spiffeId: string): Promise<Current<readonly DevWitSvid[]>>;
}

/**
 * Issues the WIT-SVIDs of a trust domain. They carry no metadata: a WIT-SVID is no software statement
 * (WIT-06), and no `aud` (WIT-03).
 *
 * @see WIT-SVID, sections 2 and 3
 */
export function createWitSvidIssuer(settings: {
  readonly workloads: Workloads;
  readonly authorities: DevAuthorities;
  readonly ttlSeconds: number;
  readonly clock: Clock;
}): WitSvidIssuer {
  const { authorities, workloads, ttlSeconds, clock } = settings;
  const of = createKeptSvids<DevWitSvid>({
    authorityId: () => authorities.active("wit").id,
    mint: async ({ spiffeId, hint = "" }, validity) => {
      const { privateKey, publicKey } = await generateKeyPair("ES256", {
        extractable: true,
      });
      const witSvid = await signToken(authorities.active("wit"), "wit+jwt", {
        sub: spiffeId,
        iat: validity.now,
        exp: validity.now + validity.ttlSeconds,
        cnf: { jwk: { ...(await exportJWK(publicKey)), alg: "ES256" } },
      });
      const key = { ...(await exportJWK(privateKey)), alg: "ES256" };
      return { spiffeId, witSvid, witSvidKey: JSON.stringify(key), hint };
    },
    ttlSeconds,
    clock,
  });
  return {
    async current(spiffeId) {
      const kept = await Promise.all(workloads.entitled(spiffeId).map(of));
      return {
        value: kept.map(({ svid }) => svid),
        until: Math.min(...kept.map(({ renewAt }) => renewAt)),
      };
    },
  };
}

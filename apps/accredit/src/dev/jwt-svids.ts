import type { Clock } from "@accredit/core/ports";
import { Code, ConnectError } from "@connectrpc/connect";
import type { JWTPayload } from "jose";
import { createLocalJWKSet, jwtVerify } from "jose";
import type { DevAuthorities } from "./authorities.ts";
import { publicJwk, signToken } from "./signing-key.ts";
import type { DevWorkload, Workloads } from "./workloads.ts";

/** How JWT-SVIDs are made. */
export interface JwtSvidSettings {
  /** The `iss` of every JWT-SVID; null for none, which is how SPIRE is set up by default. */
  readonly issuer: string | null;
  readonly ttlSeconds: number;
  readonly workloads: Workloads;
  readonly authorities: DevAuthorities;
  readonly clock: Clock;
}

/** One JWT-SVID, as the Workload API gives it. */
export interface DevJwtSvid {
  readonly spiffeId: string;
  readonly svid: string;
  readonly hint: string;
}

/** Makes and verifies JWT-SVIDs; what it throws is a gRPC status. */
export interface JwtSvidIssuer {
  /** The workload's JWT-SVIDs: of the identity asked for, or of every listed one, the first being the default. */
  issue(audience: readonly string[], spiffeId: string): Promise<DevJwtSvid[]>;
  validate(
    audience: string,
    svid: string,
  ): Promise<{ readonly spiffeId: string; readonly claims: JWTPayload }>;
}

/** Issues JWT-SVIDs, a new one for every call. */
export function createJwtSvidIssuer(settings: JwtSvidSettings): JwtSvidIssuer {
  const { authorities, clock, workloads } = settings;

  const mint = async (
    audience: readonly string[],
    { spiffeId, claims, hint = "", ttlSeconds }: DevWorkload,
  ): Promise<DevJwtSvid> => {
    const now = clock.now();
    const svid = await signToken(authorities.active("jwt"), "JWT", {
      ...claims,
      ...(settings.issuer === null ? {} : { iss: settings.issuer }),
      sub: spiffeId,
      aud: audience.length === 1 ? String(audience[0]) : [...audience],
      iat: now,
      exp: now + (ttlSeconds ?? settings.ttlSeconds),
    });
    return { spiffeId, svid, hint };
  };

  return {
    async issue(audience, spiffeId) {
      if (audience.length === 0 || audience.includes("")) {
        throw new ConnectError("audience is required", Code.InvalidArgument);
      }
      const identities = workloads.entitled(spiffeId);
      return Promise.all(identities.map((one) => mint(audience, one)));
    },
    async validate(audience, svid) {
      if (audience === "" || svid === "") {
        throw new ConnectError(
          "audience and svid are required",
          Code.InvalidArgument,
        );
      }
      try {
        const keys = authorities.published("jwt").map(publicJwk);
        const { payload } = await jwtVerify(svid, createLocalJWKSet({ keys }), {
          algorithms: ["ES256"],
          audience,
          requiredClaims: ["exp", "sub"],
          currentDate: new Date(clock.now() * 1000),
        });
        return { spiffeId: payload.sub ?? "", claims: payload };
      } catch (error) {
        const why = error instanceof Error ? error.message : "unknown";
        throw new ConnectError(
          `the JWT-SVID is not valid: ${why}`,
          Code.InvalidArgument,
        );
      }
    },
  };
}

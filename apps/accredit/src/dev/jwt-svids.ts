import { parseSpiffeId } from "@accredit/core/spiffe";
import type { Clock } from "@accredit/core/ports";
import { Code, ConnectError } from "@connectrpc/connect";
import type { JWTPayload } from "jose";
import { createLocalJWKSet, jwtVerify } from "jose";
import type { DevKeys } from "./keys.ts";

/** A workload that the development trust domain vouches for. */
export interface DevWorkload {
  /** In the trust domain, with a path. */
  readonly spiffeId: string;
  /** Client metadata and other claims that its JWT-SVIDs carry; none of those the domain sets itself. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** How JWT-SVIDs are made. */
export interface JwtSvidSettings {
  readonly trustDomain: string;
  /** The `iss` of every JWT-SVID; null for none, which is how SPIRE is set up by default. */
  readonly issuer: string | null;
  readonly ttlSeconds: number;
  readonly workloads: readonly DevWorkload[];
  /** Whether an ID of the trust domain that no workload is listed for gets an SVID, without metadata. */
  readonly allowAny: boolean;
  readonly keys: DevKeys;
  readonly clock: Clock;
}

/** Claims that the trust domain sets: a workload may not. */
const OWN_CLAIMS = ["sub", "aud", "exp", "iat", "iss"];

/** Makes and verifies JWT-SVIDs; what it throws is a gRPC status. */
export interface JwtSvidIssuer {
  /** The workload's JWT-SVIDs: of the identity asked for, or of every listed one, the first being the default. */
  issue(
    audience: readonly string[],
    spiffeId: string,
  ): Promise<{ readonly spiffeId: string; readonly svid: string }[]>;
  validate(
    audience: string,
    svid: string,
  ): Promise<{ readonly spiffeId: string; readonly claims: JWTPayload }>;
}

/** @throws {Error} a workload is outside the trust domain, listed twice, or sets a claim that is not its own */
export function createJwtSvidIssuer(settings: JwtSvidSettings): JwtSvidIssuer {
  const { keys, clock } = settings;
  const workloads = new Map<string, DevWorkload>();
  for (const workload of settings.workloads) {
    const { spiffeId, claims = {} } = workload;
    if (!isWorkloadOf(settings.trustDomain, spiffeId)) {
      throw new Error(
        `workload ${spiffeId}: expected spiffe://${settings.trustDomain}/<path>`,
      );
    }
    const own = OWN_CLAIMS.filter((name) => Object.hasOwn(claims, name));
    if (own.length > 0) {
      throw new Error(
        `workload ${spiffeId}: the trust domain itself sets ${own.join(", ")}`,
      );
    }
    if (workloads.has(spiffeId)) {
      throw new Error(`workload ${spiffeId} is listed twice`);
    }
    workloads.set(spiffeId, workload);
  }

  const mint = async (
    audience: readonly string[],
    { spiffeId, claims }: DevWorkload,
  ): Promise<{ spiffeId: string; svid: string }> => {
    const now = clock.now();
    const svid = await keys.sign({
      ...claims,
      ...(settings.issuer === null ? {} : { iss: settings.issuer }),
      sub: spiffeId,
      aud: audience.length === 1 ? String(audience[0]) : [...audience],
      iat: now,
      exp: now + settings.ttlSeconds,
    });
    return { spiffeId, svid };
  };

  const entitled = (spiffeId: string): DevWorkload[] => {
    if (spiffeId === "") return [...workloads.values()];
    if (!isSpiffeId(spiffeId)) {
      throw new ConnectError("malformed spiffe_id", Code.InvalidArgument);
    }
    const listed = workloads.get(spiffeId);
    if (listed !== undefined) return [listed];
    return settings.allowAny && isWorkloadOf(settings.trustDomain, spiffeId)
      ? [{ spiffeId }]
      : [];
  };

  return {
    async issue(audience, spiffeId) {
      if (audience.length === 0 || audience.includes("")) {
        throw new ConnectError("audience is required", Code.InvalidArgument);
      }
      const identities = entitled(spiffeId);
      if (identities.length === 0) {
        throw new ConnectError("no identity issued", Code.PermissionDenied);
      }
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
        const { payload } = await jwtVerify(
          svid,
          createLocalJWKSet({ keys: [...keys.publicKeys()] }),
          {
            algorithms: ["ES256"],
            audience,
            requiredClaims: ["exp", "sub"],
            currentDate: new Date(clock.now() * 1000),
          },
        );
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

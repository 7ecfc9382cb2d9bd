import { z } from "zod";
import { AUTHORITY_KINDS, type AuthorityKind } from "./authority-state.ts";
import {
  controlCommand,
  type ControlCommand,
  type ControlCommands,
} from "./control-server.ts";
import {
  authorityStatus,
  rotate,
  ROTATION_STEPS,
  type AuthorityStatus,
} from "./rotation.ts";
import type { DevCredentialIssuer } from "./credentials/credential-issuer.ts";
import type { DevTrustDomain } from "./trust-domain.ts";

const ROTATION = z.strictObject({
  kinds: z.array(z.enum(AUTHORITY_KINDS)).min(1).optional(),
  steps: z.array(z.enum(ROTATION_STEPS)).min(1).optional(),
});

/** What running development issuers tell about themselves; never a key. */
export interface DevStatus {
  readonly trust_domain: string;
  readonly pid: number;
  readonly workload_api: string;
  readonly bundle_url: string;
  readonly bundle_ca_file: string;
  readonly spiffe_bundle_url: string;
  readonly spiffe_bundle_endpoint_id: string;
  readonly bundle_file: string;
  readonly credential_issuer: {
    readonly did: string;
    readonly url: string;
    readonly status_lists: readonly string[];
    /** How many credentials it issued. */
    readonly issued: number;
  };
  readonly sequence: number;
  readonly workloads: readonly string[];
  readonly authorities: Readonly<
    Record<AuthorityKind, readonly AuthorityStatus[]>
  >;
}

/** Where everything of a domain is, and what signs in it. */
export function devStatus(
  domain: DevTrustDomain,
  issuer: DevCredentialIssuer,
): DevStatus {
  const of = (kind: AuthorityKind): readonly AuthorityStatus[] =>
    authorityStatus(domain.authorities, kind);
  return {
    trust_domain: domain.trustDomain,
    pid: process.pid,
    workload_api: domain.workloadApiAddress,
    bundle_url: domain.bundleUrl,
    bundle_ca_file: domain.caFile,
    spiffe_bundle_url: domain.spiffeBundleUrl,
    spiffe_bundle_endpoint_id: domain.endpointSpiffeId,
    bundle_file: domain.bundleFile,
    credential_issuer: {
      did: issuer.did,
      url: issuer.url,
      status_lists: Object.values(issuer.statusUrls),
      issued: issuer.issued().length,
    },
    sequence: domain.authorities.sequence(),
    workloads: domain.workloads.map(({ spiffeId }) => spiffeId),
    authorities: { jwt: of("jwt"), x509: of("x509"), wit: of("wit") },
  };
}

/** The commands of a trust domain. */
export function trustDomainCommands(
  domain: DevTrustDomain,
  issuer: DevCredentialIssuer,
): ControlCommands {
  return new Map<string, ControlCommand>([
    [
      "status",
      controlCommand(z.strictObject({}), async () => devStatus(domain, issuer)),
    ],
    [
      "rotate",
      controlCommand(ROTATION, async (rotation) => {
        await rotate(domain.authorities, rotation);
        return devStatus(domain, issuer);
      }),
    ],
  ]);
}

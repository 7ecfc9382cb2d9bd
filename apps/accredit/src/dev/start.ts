import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startDevTrustDomain, type DevTrustDomain } from "./trust-domain.ts";
import type { DevWorkload } from "./workloads.ts";

/** Where the development issuers live and what they vouch for. */
export interface DevIssuersOptions {
  readonly dir: string;
  readonly trustDomain: string;
  /** The bundle endpoint's port on loopback. */
  readonly bundlePort: number;
  readonly workloads: readonly DevWorkload[];
  /** The `iss` of JWT-SVIDs; null for none, as stock SPIRE has it. Undefined: `spiffe://<trust domain>`. */
  readonly issuer?: string | null | undefined;
}

/** The identities of a new development trust domain: one with attested metadata, one as SPIRE would mint it. */
export function defaultWorkloads(trustDomain: string): readonly DevWorkload[] {
  return [
    {
      spiffeId: `spiffe://${trustDomain}/ns/demo/agent/hello`,
      claims: {
        client_name: "Hello agent",
        scope: "read write",
        grant_types: ["client_credentials"],
      },
    },
    { spiffeId: `spiffe://${trustDomain}/ns/demo/agent/plain` },
  ];
}

/** A polling hint short enough to watch a rotation take effect. */
const REFRESH_HINT_SECONDS = 60;
/** Socket paths are short (103 bytes on some systems); a deep folder gets its socket elsewhere. */
const MAX_SOCKET_PATH = 100;

/** Starts the development issuers with their state in one folder. */
export async function startDevIssuers(
  options: DevIssuersOptions,
): Promise<DevTrustDomain> {
  const dir = resolve(options.dir);
  return startDevTrustDomain({
    trustDomain: options.trustDomain,
    dir,
    socketPath: await socketPath(dir),
    bundleListen: { host: "127.0.0.1", port: options.bundlePort },
    workloads: options.workloads,
    issuer: options.issuer,
    refreshHintSeconds: REFRESH_HINT_SECONDS,
  });
}

async function socketPath(dir: string): Promise<string> {
  const inside = join(dir, "workload-api.sock");
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return inside;
  return join(await mkdtemp(join(tmpdir(), "accredit-")), "workload-api.sock");
}

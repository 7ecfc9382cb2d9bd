import { join, resolve } from "node:path";
import { openCertificateAuthority } from "./certificate-authority.ts";
import { CONTROL_SOCKET } from "./control-client.ts";
import { trustDomainCommands } from "./control-commands.ts";
import { credentialCommands } from "./credentials/credential-commands.ts";
import {
  startDevCredentialIssuer,
  type DevCredentialIssuer,
} from "./credentials/credential-issuer.ts";
import { startControlServer, type ControlCommand } from "./control-server.ts";
import { lockFolder } from "./folder-lock.ts";
import { placeSocket } from "./place-socket.ts";
import { ensurePrivateDirectory } from "./private-files.ts";
import { startDevTrustDomain, type DevTrustDomain } from "./trust-domain.ts";
import type { DevWorkload } from "./workloads.ts";

/** Where the development issuers live and what they vouch for. */
export interface DevIssuersOptions {
  readonly dir: string;
  readonly trustDomain: string;
  /** Ports on loopback, 0 for any free one: of the `https_web` bundle endpoint and the `https_spiffe` one. */
  readonly bundlePort: number;
  readonly spiffeBundlePort: number;
  /** Of the credential issuer; its names hold the port, so what it issued ends with another. */
  readonly credentialPort: number;
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

/** The running development issuers. */
export interface DevIssuers extends DevTrustDomain {
  readonly credentialIssuer: DevCredentialIssuer;
  /** Takes the commands below `accredit dev`. */
  readonly controlSocket: string;
}

/** Starts the development issuers with their state in one folder. */
export async function startDevIssuers(
  options: DevIssuersOptions,
): Promise<DevIssuers> {
  const dir = resolve(options.dir);
  const host = "127.0.0.1";
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closers.toReversed()) await one();
  };
  await ensurePrivateDirectory(dir);
  try {
    // Before anything else: of two that start at once, one goes on, and the other has written nothing yet.
    const unlock = lockFolder(dir);
    closers.push(async () => unlock());
    const control = await placeSocket(dir, CONTROL_SOCKET);
    const commands = new Map<string, ControlCommand>();
    const server = await startControlServer(control.path, commands);
    closers.push(() => control.remove());
    closers.push(() => server.close());
    const workloadApi = await placeSocket(dir, "workload-api.sock");
    closers.push(() => workloadApi.remove());
    const domain = await startDevTrustDomain({
      trustDomain: options.trustDomain,
      dir,
      socketPath: workloadApi.path,
      bundleListen: { host, port: options.bundlePort },
      spiffeBundleListen: { host, port: options.spiffeBundlePort },
      workloads: options.workloads,
      issuer: options.issuer,
      refreshHintSeconds: REFRESH_HINT_SECONDS,
    });
    closers.push(() => domain.close());
    const credentialIssuer = await startDevCredentialIssuer({
      dir,
      listen: { host, port: options.credentialPort },
      ca: await openCertificateAuthority(dir),
      clock: { now: () => Math.floor(Date.now() / 1000) },
    });
    closers.push(() => credentialIssuer.close());
    for (const [name, run] of [
      ...trustDomainCommands(domain, credentialIssuer),
      ...credentialCommands(credentialIssuer),
    ])
      commands.set(name, run);
    let closing: Promise<void> | undefined;
    return {
      ...domain,
      credentialIssuer,
      controlSocket: join(dir, CONTROL_SOCKET),
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

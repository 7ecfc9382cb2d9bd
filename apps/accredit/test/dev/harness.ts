import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { text } from "node:stream/consumers";
import { createWorkloadApiClient } from "@accredit/workload-api";
import type { WorkloadApiClient } from "@accredit/workload-api";
import type {
  DevTrustDomain,
  DevTrustDomainOptions,
} from "../../src/dev/trust-domain.ts";
import { startDevTrustDomain } from "../../src/dev/trust-domain.ts";

export const AGENT = "spiffe://example.org/ns/demo/agent/one";
export const OTHER = "spiffe://example.org/ns/demo/agent/two";
export const AUDIENCE = "https://as.example/register";
/** A whole second, epoch seconds. */
export const NOW = 1_800_000_000;

/** A directory that is gone after the test; short enough for socket paths. */
export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "dev-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts a trust domain with two workloads, in its own directory where none is given. */
export async function startDomain(
  t: TestContext,
  options: Partial<DevTrustDomainOptions> = {},
): Promise<DevTrustDomain> {
  const dir = options.dir ?? join(await temporaryDirectory(t), "state");
  const domain = await startDevTrustDomain({
    dir,
    socketPath: join(dir, "agent.sock"),
    bundleListen: { host: "127.0.0.1", port: 0 },
    workloads: [
      {
        spiffeId: AGENT,
        claims: { scope: "read", grant_types: ["client_credentials"] },
      },
      { spiffeId: OTHER },
    ],
    clock: { now: () => NOW },
    ...options,
  });
  t.after(() => domain.close());
  return domain;
}

export function openClient(
  t: TestContext,
  domain: DevTrustDomain,
): WorkloadApiClient {
  const client = createWorkloadApiClient({
    address: domain.workloadApiAddress,
  });
  t.after(() => client.close());
  return client;
}

/** Requests a URL over TLS, trusting the given authority alone. */
export function requestTls(
  url: string,
  ca: string,
  method = "GET",
): Promise<{
  status: number | undefined;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ca, method, agent: false }, (response) => {
      const { statusCode: status, headers } = response;
      text(response).then((body) => resolve({ status, headers, body }), reject);
    });
    call.on("error", reject);
    call.end();
  });
}

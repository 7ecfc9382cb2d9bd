import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { FakeCertificateAuthority, freePort } from "@accredit/testkit";
import { parseConfig } from "../apps/accredit/src/config/index.ts";
import { startDevTrustDomain } from "../apps/accredit/src/dev/trust-domain.ts";
import { runServer } from "../apps/accredit/src/serve/run-server.ts";

const WORKLOAD = "spiffe://example.org/ns/demo/agent/one";
const RESOURCE = "https://api.example";

/** An Accredit and a trust domain for one client from outside. */
export interface AccreditForClients {
  /** A JSON file that tells a client where everything is. */
  readonly setupFile: string;
  close(): Promise<void>;
}

/** Starts a server on https, with a listener for client certificates, and a trust domain that it trusts. */
export async function startAccredit(): Promise<AccreditForClients> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closers.toReversed()) await one();
  };
  try {
    const dir = await mkdtemp(join(tmpdir(), "interop-"));
    closers.push(() => rm(dir, { recursive: true, force: true }));
    const web = await FakeCertificateAuthority.create();
    const { key, cert } = await web.issue();
    await writeFile(join(dir, "ca.pem"), web.pem);
    await writeFile(join(dir, "tls.pem"), cert);
    await writeFile(join(dir, "tls.key"), key, { mode: 0o600 });
    const domain = await startDevTrustDomain({
      dir: join(dir, "domain"),
      socketPath: join(dir, "agent.sock"),
      bundleListen: { host: "127.0.0.1", port: 0 },
      workloads: [{ spiffeId: WORKLOAD, claims: { scope: "read write" } }],
    });
    closers.push(() => domain.close());
    const [port, tlsPort] = [await freePort(), await freePort()];
    const issuer = `https://localhost:${port}`;
    const config = parseConfig(
      `issuer: ${issuer}
listen: { host: localhost, port: ${port}, tls: { cert_file: tls.pem, key_file: tls.key } }
mutual_tls: { host: localhost, port: ${tlsPort}, tls: { cert_file: tls.pem, key_file: tls.key }, base_url: "https://localhost:${tlsPort}" }
admin: { host: 127.0.0.1, port: 0 }
limits: { max_event_loop_delay: 1m }
store: { url: "sqlite:./accredit.db" }
trust:
  - kind: spiffe
    trust_domain: example.org
    bundle: { url: "${domain.bundleUrl}", profile: https_web, ca_file: "${domain.caFile}", allow_private_addresses: true }
policy:
  - name: agents
    match: { trust: example.org, subject: "${WORKLOAD}" }
    allow:
      grant_types: [client_credentials]
      scopes: [read, write]
      resources: ["${RESOURCE}"]
      token_endpoint_auth_methods: [spiffe_jwt, spiffe_x509]
`,
      { baseDir: dir },
    );
    const server = await runServer(config, pino({ level: "silent" }));
    closers.push(() => server.close());
    const setupFile = join(dir, "setup.json");
    await writeFile(
      setupFile,
      JSON.stringify({
        workload_api: domain.workloadApiAddress,
        spiffe_id: WORKLOAD,
        issuer,
        resource: RESOURCE,
        ca_file: join(dir, "ca.pem"),
        bundle_url: domain.bundleUrl,
        bundle_ca_file: domain.caFile,
        spiffe_bundle_url: domain.spiffeBundleUrl,
        endpoint_spiffe_id: domain.endpointSpiffeId,
      }),
    );
    return { setupFile, close };
  } catch (error) {
    await close();
    throw error;
  }
}

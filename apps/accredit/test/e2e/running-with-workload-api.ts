import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { pino } from "pino";
import { FakeCertificateAuthority, freePort } from "@accredit/testkit";
import { parseConfig } from "../../src/config/index.ts";
import {
  startDevTrustDomain,
  type DevTrustDomain,
} from "../../src/dev/trust-domain.ts";
import { runServer } from "../../src/serve/run-server.ts";

export const AGENT = "spiffe://example.org/ns/demo/agent/one";

/** A whole Accredit with its database, and a development trust domain with its Workload API. */
export interface AccreditWithWorkloadApi {
  readonly issuer: string;
  readonly domain: DevTrustDomain;
  /** The authority of the certificate of the mutual TLS listener, PEM. */
  readonly ca: string;
  /** Stops the server, and starts one that knows nothing of the clients of the first. */
  readonly forget: () => Promise<void>;
}

/** Starts all of it for one test. */
export async function startWithWorkloadApi(
  t: TestContext,
): Promise<AccreditWithWorkloadApi> {
  const dir = await mkdtemp(join(tmpdir(), "sdk-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const web = await FakeCertificateAuthority.create();
  const { key, cert } = await web.issue();
  await writeFile(join(dir, "tls.pem"), cert);
  await writeFile(join(dir, "tls.key"), key, { mode: 0o600 });
  const domain = await startDevTrustDomain({
    dir: join(dir, "domain"),
    socketPath: join(dir, "agent.sock"),
    bundleListen: { host: "127.0.0.1", port: 0 },
    workloads: [{ spiffeId: AGENT, claims: { scope: "read write" } }],
  });
  t.after(() => domain.close());

  const [port, tlsPort] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${port}`;
  const start = async (database: string) =>
    runServer(
      parseConfig(
        `issuer: ${issuer}
listen: { host: 127.0.0.1, port: ${port} }
mutual_tls: { host: 127.0.0.1, port: ${tlsPort}, tls: { cert_file: tls.pem, key_file: tls.key }, base_url: "https://localhost:${tlsPort}" }
admin: { host: 127.0.0.1, port: 0 }
limits: { max_event_loop_delay: 1m }
store: { url: "sqlite:./${database}.db" }
trust: [{ kind: spiffe, trust_domain: example.org, bundle: { file: ${domain.bundleFile} } }]
policy:
  - name: agents
    match: { trust: example.org, subject: "spiffe://example.org/ns/*/agent/**" }
    introspect: own
    allow:
      grant_types: [client_credentials]
      scopes: [read, write]
      resources: ["https://api.example"]
      token_endpoint_auth_methods: [spiffe_jwt, spiffe_x509]
`,
        { baseDir: dir },
      ),
      pino({ level: "silent" }),
    );
  let server = await start("first");
  t.after(() => server.close());
  return {
    issuer,
    domain,
    ca: web.pem,
    async forget() {
      await server.close();
      server = await start("second");
    },
  };
}

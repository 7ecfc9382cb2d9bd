import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get, type RequestOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { FakeCertificateAuthority, freePort } from "@accredit/testkit";
import { parseConfig } from "../../src/config/index.ts";
import { runServer } from "../../src/serve/run-server.ts";

test("[SEC-02] serves TLS 1.2 and up with the configured certificate, and nothing older", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "accredit-tls-"));
  const authority = await FakeCertificateAuthority.create();
  const { key, cert } = await authority.issue();
  await writeFile(join(dir, "tls.pem"), cert);
  await writeFile(join(dir, "tls.key"), key, { mode: 0o600 });
  const port = await freePort();
  const config = parseConfig(
    `issuer: https://localhost:${port}/tenant
listen: { host: 127.0.0.1, port: ${port}, tls: { cert_file: tls.pem, key_file: tls.key } }
admin: { host: 127.0.0.1, port: 0 }
limits: { max_event_loop_delay: 1m }
store: { url: "sqlite:./accredit.db" }
trust: [{ kind: spiffe, trust_domain: example.org, bundle: { file: ./bundle.json } }]
policy: []
`,
    { baseDir: dir },
  );
  const server = await runServer(config, pino({ level: "silent" }));
  t.after(async () => {
    await server.close();
    await rm(dir, { recursive: true, force: true });
  });
  const ask = (path: string, options: RequestOptions = {}) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      get(
        {
          host: "localhost",
          port,
          path,
          ca: authority.pem,
          family: 4,
          ...options,
        },
        (response) => {
          let text = "";
          response
            .setEncoding("utf8")
            .on("data", (chunk: string) => (text += chunk));
          response.on("end", () =>
            resolve(JSON.parse(text) as Record<string, unknown>),
          );
        },
      ).on("error", reject);
    });

  // An issuer with a path has its well-known part before that path (RFC 8414 section 3.1).
  const metadata = await ask("/.well-known/oauth-authorization-server/tenant");
  assert.equal(metadata["issuer"], `https://localhost:${port}/tenant`);
  assert.equal(
    metadata["token_endpoint"],
    `https://localhost:${port}/tenant/token`,
  );
  assert.ok(Array.isArray((await ask("/tenant/jwks"))["keys"]));
  await assert.rejects(
    ask("/tenant/jwks", { minVersion: "TLSv1.1", maxVersion: "TLSv1.1" }),
  );
});

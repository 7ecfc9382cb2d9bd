import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import { pino } from "pino";
import {
  FakeAuthority,
  FakeCertificateAuthority,
  type FakeSvid,
  type FakeX509Authority,
  freePort,
} from "@accredit/testkit";
import { parseConfig } from "../../src/config/index.ts";
import { runServer } from "../../src/serve/run-server.ts";
import { ASSERTION_TYPE, WORKLOAD } from "./running-accredit.ts";

export { WORKLOAD };

/** What a TLS client shows of itself. */
export interface Presented {
  readonly svid?: FakeSvid;
  readonly version?: "TLSv1.2" | "TLSv1.3";
  readonly session?: Buffer | undefined;
  readonly port?: number | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** How Accredit takes certificates. */
export interface MutualTlsChoice {
  /** On a listener of its own. */
  readonly own?: boolean;
  /** From this machine as a proxy, too. */
  readonly proxies?: boolean;
}

/** Accredit on https with a trust domain's X.509 authority in its bundle. */
export async function startMutualTls(
  t: TestContext,
  root: FakeX509Authority,
  { own = false, proxies = false }: MutualTlsChoice = {},
) {
  const dir = await mkdtemp(join(tmpdir(), "accredit-mtls-"));
  const web = await FakeCertificateAuthority.create();
  const { key, cert } = await web.issue();
  const authority = await FakeAuthority.create({ trustDomain: "example.org" });
  authority.otherKeys.push(root.bundleKey());
  await writeFile(join(dir, "tls.pem"), cert);
  await writeFile(join(dir, "tls.key"), key, { mode: 0o600 });
  await writeFile(join(dir, "bundle.json"), authority.bundleDocument());
  const [port, ownPort] = [await freePort(), await freePort()];
  const issuer = `https://localhost:${port}`;
  const files = "{ cert_file: tls.pem, key_file: tls.key }";
  const config = parseConfig(
    `issuer: ${issuer}
listen: { host: 127.0.0.1, port: ${port}, tls: ${files} }
mutual_tls:
${own ? `  { host: 127.0.0.1, port: ${ownPort}, tls: ${files}, base_url: "https://localhost:${ownPort}" }` : ""}
${proxies ? "  { proxies: [{ addresses: [loopback], header: client_cert }] }" : ""}
${own || proxies ? "" : "  {}"}
admin: { host: 127.0.0.1, port: 0 }
limits: { max_event_loop_delay: 1m }
store: { url: "sqlite:./accredit.db" }
trust: [{ kind: spiffe, trust_domain: example.org, bundle: { file: ./bundle.json } }]
policy:
  - name: agents
    match: { trust: example.org, subject: "spiffe://example.org/ns/*/agent/**" }
    allow:
      grant_types: [client_credentials]
      token_endpoint_auth_methods: [spiffe_jwt, spiffe_x509]
`,
    { baseDir: dir },
  );
  const server = await runServer(config, pino({ level: "silent" }));
  t.after(async () => {
    await server.close();
    await rm(dir, { recursive: true, force: true });
  });

  const jwt = async (aud: string): Promise<string> => {
    const iat = Math.floor(Date.now() / 1000);
    return authority.jwtSvid({
      sub: WORKLOAD,
      iss: "spiffe://example.org",
      aud,
      iat,
      exp: iat + 300,
    });
  };

  /** One TLS client with one kept connection. */
  const connect = (presented: Presented) => {
    const { svid, version, session, headers = {} } = presented;
    const sockets = new Set<TLSSocket>();
    let last: Buffer | undefined;
    const agent = new Agent({
      keepAlive: true,
      maxSockets: 1,
      ca: web.pem,
      ...(svid && { cert: svid.certPem, key: svid.keyPem }),
      ...(version && { minVersion: version, maxVersion: version }),
      ...(session && { session }),
    });
    agent.on("keylog", (_line, socket: TLSSocket) => {
      if (sockets.has(socket)) return;
      sockets.add(socket);
      socket.on("session", (bytes: Buffer) => (last = bytes));
    });
    t.after(() => agent.destroy());
    const send = (
      method: string,
      path: string,
      type: string,
      text: string,
    ): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const request = httpsRequest(
          {
            host: "localhost",
            family: 4,
            port: presented.port ?? port,
            method,
            path,
            agent,
            headers: { "Content-Type": type, ...headers },
          },
          (response) => {
            let body = "";
            response
              .setEncoding("utf8")
              .on("data", (chunk: string) => (body += chunk));
            response.on("end", () =>
              resolve({
                status: response.statusCode ?? 0,
                body: JSON.parse(body === "" ? "{}" : body) as Record<
                  string,
                  unknown
                >,
              }),
            );
          },
        );
        request.on("error", reject);
        request.end(text);
      });
    const post = (path: string, parameters: Readonly<Record<string, string>>) =>
      send(
        "POST",
        path,
        "application/x-www-form-urlencoded",
        new URLSearchParams(parameters).toString(),
      );
    return {
      send: (method: string, path: string, body?: unknown) =>
        send(
          method,
          path,
          "application/json",
          body === undefined ? "" : JSON.stringify(body),
        ),
      post,
      json: (path: string, body: unknown) =>
        send("POST", path, "application/json", JSON.stringify(body)),
      get: async (path: string) =>
        (await send("GET", path, "application/json", "")).body,
      token: (parameters: Readonly<Record<string, string>> = {}) =>
        post("/token", {
          grant_type: "client_credentials",
          client_id: WORKLOAD,
          ...parameters,
        }),
      connections: () => sockets.size,
      session: () => last ?? [...sockets].at(-1)?.getSession(),
      resumed: () => [...sockets].some((socket) => socket.isSessionReused()),
    };
  };

  return {
    issuer,
    mutualTlsPort: server.mutualTlsPort,
    connect,
    register: async (metadata: Readonly<Record<string, unknown>> = {}) =>
      connect({}).json("/register", {
        ...metadata,
        software_statement: await jwt(`${issuer}/register`),
      }),
    assertion: async () => ({
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await jwt(issuer),
    }),
    thumbprint: ({ chain: [leaf] }: FakeSvid) =>
      createHash("sha256")
        .update(leaf ?? new Uint8Array())
        .digest("base64url"),
  };
}

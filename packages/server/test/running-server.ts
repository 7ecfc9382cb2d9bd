import { createServer, type ServerOptions } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { parseSpiffeIdPattern } from "@accredit/core/spiffe";
import type { AuditEntry, Store } from "@accredit/core/ports";
import type { PolicyRule } from "@accredit/core/registration";
import {
  createAccreditServer,
  HTTP_SERVER_LIMITS,
  type ServerPorts,
  type ServerSettings,
} from "@accredit/server";
import { openSqliteStore } from "@accredit/store";
import { FakeAuthority, staticTrust } from "@accredit/testkit";

export const WORKLOAD = "spiffe://example.org/ns/prod/agent/alice";

/** The public listener on a real socket, with a real database and a fixed bundle. */
export interface RunningServer {
  readonly url: string;
  readonly store: Store;
  readonly authority: FakeAuthority;
  readonly log: readonly string[];
  readonly databaseFile: string;
  statement(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  audit(): Promise<readonly AuditEntry[]>;
  /** Sends bytes as they are and reads until the server closes, or `ms` milliseconds passed. */
  raw(bytes: string | Buffer, ms?: number): Promise<string>;
}

export const RULE: PolicyRule = {
  name: "agents",
  match: {
    trust: "example.org",
    subject: parseSpiffeIdPattern("spiffe://example.org/ns/*/agent/**"),
  },
  allow: {
    grantTypes: ["client_credentials"],
    scopes: ["read"],
    resources: [],
    redirectUris: [],
    tokenEndpointAuthMethods: ["spiffe_jwt"],
  },
  attestedOnly: [],
  template: {},
  introspect: "own",
};

/** Starts the listener for one test and stops it afterwards. */
export async function startServer(
  t: TestContext,
  settings: Partial<ServerSettings> = {},
  limits: ServerOptions = HTTP_SERVER_LIMITS,
  bundleKeys: readonly Record<string, unknown>[] = [],
  ports: Pick<ServerPorts, "loadGate"> = {},
): Promise<RunningServer> {
  const dir = await mkdtemp(join(tmpdir(), "accredit-server-"));
  const authority = await FakeAuthority.create({ trustDomain: "example.org" });
  authority.otherKeys.push(...bundleKeys);
  const clock = { now: () => Math.floor(Date.now() / 1000) };
  const store = await openSqliteStore({
    path: join(dir, "accredit.db"),
    clock,
  });
  const lines: string[] = [];
  const write = (
    fields: Readonly<Record<string, unknown>>,
    message: string,
  ): void => void lines.push(JSON.stringify({ ...fields, message }));

  const server = createServer(limits);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const accredit = await createAccreditServer(
    {
      issuer: url,
      audiences: [],
      clientId: "spiffe_id",
      policy: [RULE],
      clockToleranceSeconds: 60,
      maxLifetimeSeconds: 3600,
      maxAgeSeconds: 3600,
      accessTokenTtlSeconds: 600,
      defaultResource: undefined,
      ...settings,
    },
    {
      store,
      trust: await staticTrust([authority]),
      trustHealth: () => [],
      refreshTrust: async () => undefined,
      clock,
      log: { info: write, warn: write, error: write },
      draining: () => false,
      ...ports,
    },
  );
  server.on("request", accredit.publicListener);
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await store.close();
    await rm(dir, { recursive: true, force: true });
  });
  return {
    url,
    store,
    authority,
    log: lines,
    databaseFile: join(dir, "accredit.db"),
    statement: async (claims = {}) => {
      const iat = clock.now();
      return authority.jwtSvid({
        sub: WORKLOAD,
        iss: "spiffe://example.org",
        aud: `${url}/register`,
        iat,
        exp: iat + 300,
        ...claims,
      });
    },
    audit: () => store.readAudit({ limit: 100 }),
    raw: (bytes, ms = 2000) =>
      new Promise((resolve, reject) => {
        const socket = connect(port, "127.0.0.1");
        const chunks: Buffer[] = [];
        const done = (): void => {
          socket.destroy();
          resolve(Buffer.concat(chunks).toString("latin1"));
        };
        socket.setTimeout(ms, done);
        socket.on("data", (chunk) => chunks.push(chunk));
        socket.on("end", done);
        socket.on("error", (error: NodeJS.ErrnoException) =>
          error.code === "ECONNRESET" || error.code === "EPIPE"
            ? done()
            : reject(error),
        );
        socket.write(bytes);
      }),
  };
}

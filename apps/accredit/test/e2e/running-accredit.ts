import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { pino } from "pino";
import { FakeAuthority, freePort } from "@accredit/testkit";
import { parseConfig } from "../../src/config/index.ts";
import { runServer, type RunningServer } from "../../src/serve/run-server.ts";

/** A whole Accredit on real sockets and a real database, and the authority it trusts. */
export interface RunningAccredit {
  readonly issuer: string;
  readonly registrationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly adminUrl: string;
  readonly authority: FakeAuthority;
  readonly server: RunningServer;
  readonly databaseFile: string;
  /** Every line logged so far. */
  readonly logged: () => string;
  /** A statement for `/register`: all required claims, changed by `claims`. */
  statement(
    claims?: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
  /** An assertion for `/token`, for the same workload unless `claims` say otherwise. */
  assertion(
    claims?: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
  register(body: unknown): Promise<Answer>;
  token(parameters: Readonly<Record<string, string>>): Promise<Answer>;
}

/** A response with its JSON body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

export const WORKLOAD = "spiffe://example.org/ns/prod/agent/alice";
export const ASSERTION_TYPE =
  "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/** Changes to the usual configuration, as YAML lines. */
export interface AccreditOptions {
  readonly policy?: string;
  readonly registration?: string;
  readonly trust?: string;
  readonly bundle?: "file" | "missing";
  /** More keys in the bundle, as they stand there. */
  readonly bundleKeys?: readonly Readonly<Record<string, unknown>>[];
  /** Turns the admin API on. */
  readonly adminToken?: string;
}

const POLICY = `
  - name: agents
    match: { trust: example.org, subject: "spiffe://example.org/ns/*/agent/**" }
    allow:
      grant_types: [client_credentials]
      scopes: [read, write]
      resources: ["https://api.example", "https://other.example"]
      redirect_uris: ["https://app.example/cb"]
      token_endpoint_auth_methods: [spiffe_jwt]
    attested_only: [scope]
    template: { client_name: "Agent {path[3]}", scope: read }
  - name: resource-servers
    match: { trust: example.org, subject: "spiffe://example.org/ns/*/api/*" }
    introspect: any
    allow:
      grant_types: [client_credentials]
      scopes: []
      resources: []
      redirect_uris: []
      token_endpoint_auth_methods: [spiffe_jwt]`;

/** Starts a whole Accredit for one test and stops it afterwards. */
export async function startAccredit(
  t: TestContext,
  options: AccreditOptions = {},
): Promise<RunningAccredit> {
  const dir = await mkdtemp(join(tmpdir(), "accredit-e2e-"));
  const authority = await FakeAuthority.create({ trustDomain: "example.org" });
  authority.otherKeys.push(...(options.bundleKeys ?? []));
  const bundleFile = join(dir, "bundle.json");
  if (options.bundle !== "missing")
    await writeFile(bundleFile, authority.bundleDocument());
  if (options.adminToken !== undefined)
    await writeFile(join(dir, "admin-token"), options.adminToken);
  const issuer = `http://127.0.0.1:${await freePort()}`;
  const config = parseConfig(
    `issuer: ${issuer}
listen: { host: 127.0.0.1, port: ${new URL(issuer).port} }
admin: { host: 127.0.0.1, port: 0${options.adminToken === undefined ? "" : ", token_file: ./admin-token"} }
limits: { max_event_loop_delay: 1m }
store: { url: "sqlite:./accredit.db" }
${options.registration ?? ""}
trust:
  - kind: spiffe
    trust_domain: example.org
    bundle: { file: ./bundle.json }
${options.trust ?? ""}
policy:${options.policy ?? POLICY}
`,
    { baseDir: dir },
  );
  const lines: string[] = [];
  const log = pino(
    { level: "trace" },
    { write: (line: string) => void lines.push(line) },
  );
  const server = await runServer(config, log);
  t.after(async () => {
    await server.close();
    await rm(dir, { recursive: true, force: true });
  });

  const registrationEndpoint = `${issuer}/register`;
  const tokenEndpoint = `${issuer}/token`;
  const now = (): number => Math.floor(Date.now() / 1000);
  const mint =
    (audience: string) =>
    async (claims = {}, header = {}): Promise<string> =>
      authority.jwtSvid(
        {
          sub: WORKLOAD,
          iss: "spiffe://example.org",
          aud: audience,
          iat: now(),
          exp: now() + 300,
          ...claims,
        },
        header,
      );
  return {
    issuer,
    registrationEndpoint,
    tokenEndpoint,
    adminUrl: `http://127.0.0.1:${server.adminPort}`,
    authority,
    server,
    databaseFile: join(dir, "accredit.db"),
    logged: () => lines.join(""),
    statement: mint(registrationEndpoint),
    assertion: mint(issuer),
    register: (body) =>
      send(registrationEndpoint, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    token: (parameters) =>
      send(tokenEndpoint, {
        method: "POST",
        body: new URLSearchParams(parameters),
      }),
  };
}

/** Sends a request and reads the answer whole. */
export async function send(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const body: unknown = text === "" ? {} : JSON.parse(text);
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: body as Record<string, unknown>,
  };
}

/** The parameters of a client credentials request with an assertion. */
export function clientCredentials(
  assertion: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    grant_type: "client_credentials",
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: assertion,
    ...more,
  };
}

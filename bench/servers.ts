import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "@accredit/testkit";
import { bundleDocument } from "./bundle.ts";
import { startChild, type Child } from "./children.ts";
import {
  RESOURCE,
  SCOPE,
  TRUST_DOMAIN,
  type BenchKeys,
} from "./load/requests.ts";

const ACCREDIT = new URL("../apps/accredit/bin/accredit.js", import.meta.url);
const FLOOR = new URL("./peers/floor.ts", import.meta.url);
const OIDC_PROVIDER = new URL("./peers/oidc-provider.ts", import.meta.url);

/** A server under test. */
export interface ServerUnderTest {
  readonly child: Child;
  readonly issuer: string;
  readonly registration: string;
  readonly token: string;
}

/** An Accredit whose process was started, and that may not answer yet. */
export interface StartedAccredit {
  readonly child: Child;
  readonly issuer: string;
  /** Where the admin listener is going to be. */
  readonly admin: string;
}

/**
 * Starts `accredit serve` as anybody would, with a configuration file: database on disk, trust domain
 * from a bundle file, one policy rule, the log at its default level into a file. Resolves once it answers.
 *
 * @param changes entries of the configuration that are others
 */
export async function startAccredit(
  directory: string,
  keys: BenchKeys,
  execArgv: readonly string[],
  changes: Readonly<Record<string, unknown>> = {},
): Promise<ServerUnderTest> {
  const launch = await prepareAccredit(directory, keys, execArgv, changes);
  const { child, issuer } = launch();
  return discovered(issuer, child);
}

/** All that comes before the start of an Accredit; what it returns starts the process, and waits for nothing. */
export async function prepareAccredit(
  directory: string,
  keys: BenchKeys,
  execArgv: readonly string[],
  changes: Readonly<Record<string, unknown>> = {},
): Promise<() => StartedAccredit> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${port}`;
  writeFileSync(join(directory, "bundle.json"), bundleDocument(keys));
  const config = join(directory, "accredit.yaml");
  writeFileSync(
    config,
    JSON.stringify({ ...configuration(issuer, port, adminPort), ...changes }),
  );
  return () => ({
    child: startChild(ACCREDIT, {
      args: ["serve", "--config", config],
      execArgv,
      cwd: directory,
      stdout: openSync(join(directory, "accredit.log"), "w"),
    }),
    issuer,
    admin: `http://127.0.0.1:${adminPort}`,
  });
}

/** Starts oidc-provider alone. */
export async function startOidcProvider(
  keys: BenchKeys,
): Promise<ServerUnderTest> {
  const jwks = keys.clients.map(({ publicJwk }) => publicJwk);
  const child = startChild(OIDC_PROVIDER, { args: [JSON.stringify(jwks)] });
  const { port } = await child.next<{ port: number }>("listening");
  const issuer = `http://127.0.0.1:${port}`;
  return discovered(issuer, child);
}

/** A server with its endpoints as its metadata names them, once it answers. */
async function discovered(
  issuer: string,
  child: Child,
): Promise<ServerUnderTest> {
  const metadata = await discover(issuer, child);
  return {
    child,
    issuer,
    registration: String(metadata["registration_endpoint"]),
    token: String(metadata["token_endpoint"]),
  };
}

/** Starts the bare floor. */
export async function startFloor(
  directory: string,
  keys: BenchKeys,
): Promise<ServerUnderTest> {
  const child = startChild(FLOOR, {
    args: [
      join(directory, "floor.db"),
      JSON.stringify(keys.authority.publicJwk),
    ],
  });
  const { port } = await child.next<{ port: number }>("listening");
  const issuer = `http://127.0.0.1:${port}`;
  return { child, issuer, registration: `${issuer}/register`, token: "" };
}

function configuration(
  issuer: string,
  port: number,
  adminPort: number,
): Readonly<Record<string, unknown>> {
  return {
    issuer,
    listen: { host: "127.0.0.1", port },
    admin: { host: "127.0.0.1", port: adminPort },
    store: { url: "sqlite:./accredit.db" },
    // What is measured is the server, not its limits.
    limits: {
      registrations_per_minute_per_prefix: 1_000_000_000,
      max_event_loop_delay: "1m",
    },
    trust: [
      {
        kind: "spiffe",
        trust_domain: TRUST_DOMAIN,
        bundle: { file: "./bundle.json" },
      },
    ],
    policy: [
      {
        name: "agents",
        match: {
          trust: TRUST_DOMAIN,
          subject: `spiffe://${TRUST_DOMAIN}/ns/*/agent/**`,
        },
        allow: {
          grant_types: ["client_credentials"],
          scopes: SCOPE.split(" "),
          resources: [RESOURCE],
          redirect_uris: [],
          token_endpoint_auth_methods: ["spiffe_jwt"],
        },
        attested_only: ["scope"],
      },
    ],
  };
}

/** The metadata document, once the server answers. */
async function discover(
  issuer: string,
  { process: child }: Child,
): Promise<Record<string, unknown>> {
  const url = `${issuer}/.well-known/openid-configuration`;
  for (let i = 0; i < 600; i++) {
    if (child.exitCode !== null)
      throw new Error(`the server ended with code ${child.exitCode}`);
    try {
      const response = await fetch(url);
      if (response.ok)
        return (await response.json()) as Record<string, unknown>;
    } catch {
      // Not listening yet.
    }
    await delay(50);
  }
  throw new Error("the server did not answer within 30 s");
}

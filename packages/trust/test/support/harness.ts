import { mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseTrustDomainName } from "@accredit/core/spiffe";
import {
  FakeBundleEndpoint,
  FakeCertificateAuthority,
  FakeClock,
} from "@accredit/testkit";
import {
  createTrustKeeper,
  fetchDocument,
  type FetchDocument,
  type HttpsWebBundleOptions,
  type KeeperLog,
  type TrustDomainOptions,
  type TrustKeeperOptions,
  type TrustKeeper,
  type TrustStatus,
} from "@accredit/trust";

export const EXAMPLE = parseTrustDomainName("example.org");

/** One authority for all endpoints of a test file. */
export const authority = await FakeCertificateAuthority.create();

/** What a keeper logged. */
export interface LogLine {
  readonly level: keyof KeeperLog;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that the test reads. */
export function collectLog(): { log: KeeperLog; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: keyof KeeperLog) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void => {
      lines.push({ level, message, fields });
    };
  return {
    log: { info: at("info"), warn: at("warn"), error: at("error") },
    lines,
  };
}

/** Starts an endpoint that ends with the test. */
export async function startEndpoint(
  t: TestContext,
  options: Parameters<typeof FakeBundleEndpoint.start>[0] = {},
): Promise<FakeBundleEndpoint> {
  const endpoint = await FakeBundleEndpoint.start({ authority, ...options });
  t.after(() => endpoint.close());
  return endpoint;
}

/** A server that accepts connections, counts them and says nothing. */
export async function startCanary(
  t: TestContext,
): Promise<{ readonly port: number; hits: () => number }> {
  let hits = 0;
  const server = createServer((socket) => {
    hits++;
    socket.on("error", () => {});
    t.after(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return {
    port: (server.address() as AddressInfo).port,
    hits: () => hits,
  };
}

/** A directory that goes with the test. */
export async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "accredit-trust-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Fetches as the product does, and trusts the tests' authority where no other is named. */
export const fetchTrusting: FetchDocument = (request) =>
  fetchDocument({ ...request, extraCa: request.extraCa ?? authority.pem });

/** A trust domain whose bundle is in an endpoint on the loopback interface. */
export function webDomain(
  url: string,
  change: Partial<TrustDomainOptions> = {},
  bundle: Partial<HttpsWebBundleOptions> = {},
): TrustDomainOptions {
  return {
    trustDomain: EXAMPLE,
    issuer: { mode: "ignore", values: [] },
    keyId: "optional",
    bundle: { kind: "https_web", url, allowPrivateAddresses: true, ...bundle },
    ...change,
  };
}

/** A keeper on a clock that the test moves. */
export interface Keeping {
  readonly keeper: TrustKeeper;
  readonly clock: FakeClock;
  readonly lines: LogLine[];
  /** The status of the first trust domain. */
  readonly status: () => TrustStatus;
  /** The key IDs of example.org now; undefined where there is no usable bundle. */
  readonly kids: () => string[] | undefined;
}

/** Makes a keeper that ends with the test. */
export function keep(
  t: TestContext,
  domains: readonly TrustDomainOptions[],
  fetch: FetchDocument = fetchTrusting,
  more: Pick<TrustKeeperOptions, "takesWit"> = {},
): Keeping {
  const clock = new FakeClock();
  const { log, lines } = collectLog();
  const keeper = createTrustKeeper({
    domains,
    clock,
    log,
    fetch,
    random: () => 0.5,
    ...more,
  });
  t.after(() => keeper.close());
  return {
    keeper,
    clock,
    lines,
    status: () => {
      const [first] = keeper.status();
      if (first === undefined) throw new Error("no trust domain");
      return first;
    },
    kids: () => {
      const bundle = keeper.spiffe(EXAMPLE)?.bundle;
      return bundle && [...bundle.jwtAuthorities.keys()].sort();
    },
  };
}

/** Waits for what the file system or a socket does in its own time. */
export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 2000) throw new Error("it did not come to pass");
    await delay(5);
  }
}

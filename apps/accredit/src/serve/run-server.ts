import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "../config/index.ts";
import type { Listener, ListenOptions } from "./listeners.ts";
import { serverSettings } from "./settings.ts";
import { watchCredentials } from "./credential-watch.ts";
import { openStore } from "./open-store.ts";
import { openTrust, type OpenTrust } from "./trust.ts";
import { startSweeper } from "./sweeper.ts";
import { systemClock } from "./system-clock.ts";

/** How long the start waits for the first bundles. */
const SOURCES_HEAD_START_MS = 1_000;

/** How long connections in use are given to hear that the server stops, in milliseconds. */
const DRAIN_MS = 250;

/** A server that is up. */
export interface RunningServer {
  readonly publicPort: number;
  readonly adminPort: number;
  /** Of the listener that asks for client certificates, where there is one of its own. */
  readonly mutualTlsPort: number | undefined;
  /** Resolves, saying why, when the store broke for good: the server can only be started anew. */
  readonly broken: Promise<string>;
  /** Stops taking requests, finishes those in flight, then closes trust and store. */
  close(): Promise<void>;
}

/**
 * Builds the server from its configuration and opens its listeners. A trust source that is down does not
 * stop the start: `/readyz` says so and registrations from it get 503.
 *
 * @throws {CommandError} when an address is taken; `DcrError` or an `Error` when the store cannot be opened
 */
export async function runServer(
  config: Config,
  log: Logger,
): Promise<RunningServer> {
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.toReversed()) await close();
  };

  try {
    const broken = Promise.withResolvers<string>();
    const opening = openStore(config.store, systemClock, ({ kind, detail }) => {
      log.error({ kind, detail }, "store failed");
      if (kind === "broken") broken.resolve(detail);
    });
    // The database opens in another thread or on another machine. Loading the server takes as long, and need not wait.
    const [
      store,
      { countedWarning, createAccreditServer, watchLoad },
      { listen, MANY_ACCEPTORS, MAX_CONNECTIONS },
    ] = await Promise.all([
      opening,
      import("@accredit/server"),
      import("./listeners.ts"),
    ]);
    opened.push(() => store.close());
    const trust: OpenTrust = openTrust(config, log, {
      cacheDirectory: config.trustCacheDirectory,
      times: store,
      onChange: (change) => watch.listChanged(change),
      isInUse: (listUrl) => watch.isInUse(listUrl),
    });
    opened.push(() => trust.close());
    const watch = watchCredentials({
      store,
      statuses: trust.statuses,
      clock: systemClock,
      log,
    });
    opened.push(() => watch.close());
    // A source that takes longer loads behind the open listener, and /readyz says so meanwhile.
    await Promise.race([
      trust.start().then(() => watch.start()),
      delay(SOURCES_HEAD_START_MS, undefined, { ref: false }),
    ]);

    const loadGate = watchLoad(config.limits.maxEventLoopDelayMs);
    opened.push(async () => loadGate.close());
    let draining = false;
    const server = await createAccreditServer(serverSettings(config), {
      store,
      trust: trust.source,
      statuses: trust.statuses,
      trustHealth: () => trust.health(),
      refreshTrust: (name) => trust.refresh(name),
      clock: systemClock,
      log,
      draining: () => draining,
      loadGate,
    });
    const sweeper = startSweeper({
      store,
      policy: config.policy,
      clock: systemClock,
      log,
      keepEndedSeconds: config.registration.keepEndedSeconds,
    });
    opened.push(() => sweeper.close());
    const { tokenFile } = config.admin;
    const bearerToken =
      tokenFile === undefined
        ? undefined
        : (await readFile(tokenFile, "utf8")).trim();
    const adminListener = await listen(
      config.admin,
      server.adminListener({
        bearerToken,
        loopbackOnly: isLoopback(config.admin.host),
      }),
    );
    opened.push(() => adminListener.close(0));
    // Together, so that each has the whole time to finish what is in flight.
    const publicListeners: Listener[] = [];
    opened.push(async () => {
      const graceMs = config.shutdownTimeoutSeconds * 1000;
      await Promise.all(publicListeners.map((each) => each.close(graceMs)));
    });
    const reception = {
      acceptors: MANY_ACCEPTORS,
      max: MAX_CONNECTIONS,
      onDropped: countedWarning(log, "dropped connections: too many are open"),
    };
    const serve = async (options: ListenOptions): Promise<number> => {
      const listener = await listen(options, server.publicListener, reception);
      publicListeners.push(listener);
      return listener.port;
    };
    const publicPort = await serve(config.listen);
    const mutualTls = config.mutualTls.listen;
    const mutualTlsPort =
      mutualTls &&
      (await serve({
        ...mutualTls,
        tls: { ...mutualTls.tls, clientCertificates: true },
      }));

    return {
      publicPort,
      adminPort: adminListener.port,
      mutualTlsPort,
      broken: broken.promise,
      close: async () => {
        draining = true;
        // Connections in use learn with their next answer that they end; closing first would cut some.
        await delay(DRAIN_MS);
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function isLoopback(host: string): boolean {
  return (
    host === "localhost" ||
    host === "::1" ||
    (isIPv4(host) && host.startsWith("127."))
  );
}

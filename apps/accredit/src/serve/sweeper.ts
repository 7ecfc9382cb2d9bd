import { makeSteadyClock } from "@accredit/core";
import type { ClientLifecycle, ClientStore, Clock } from "@accredit/core/ports";
import type { Policy } from "@accredit/core/registration";
import { clockWarning } from "@accredit/server";
import type { Logger } from "pino";
import { v7 as uuidv7 } from "uuid";

/** Between two sweeps, milliseconds. */
const INTERVAL_MS = 15_000;
/** Between two batches of one sweep, milliseconds: requests get their turn. */
const PAUSE_MS = 20;
/** Clients in one batch. */
const BATCH = 100;

/** What a sweeper needs of the world. */
export interface SweeperOptions {
  readonly store: Pick<
    ClientLifecycle & ClientStore,
    "sweep" | "clientsWithoutLease" | "renewLease" | "ping"
  >;
  readonly policy: Policy;
  readonly clock: Clock & {
    sleep(ms: number, signal: AbortSignal): Promise<void>;
  };
  readonly log: Pick<Logger, "info" | "warn">;
  /** How long an ended registration is kept so that its client can come back under its id, seconds. */
  readonly keepEndedSeconds: number;
}

/**
 * Ends leases that ran out, removes what ended long ago, and gives a lease to who came before its rule had one, in
 * small batches, until it is closed. A clock
 * that leaps forward ends nothing, and one that differs from the database's is told of in the log.
 */
export function startSweeper({
  store,
  policy,
  clock,
  log,
  keepEndedSeconds,
}: SweeperOptions): { close(): Promise<void> } {
  const stop = new AbortController();
  const steadyNow = makeSteadyClock(
    () => clock.now(),
    () => performance.now(),
  );

  const sweepAll = async (): Promise<void> => {
    const total = { expired: 0, removed: 0 };
    while (!stop.signal.aborted) {
      const { expired, removed, kept } = await store.sweep(
        steadyNow(),
        keepEndedSeconds,
        BATCH,
        () => uuidv7(),
      );
      total.expired += expired;
      total.removed += removed;
      if (expired + removed + kept < BATCH) break;
      await clock.sleep(PAUSE_MS, stop.signal);
    }
    if (total.expired + total.removed > 0) log.info(total, "leases swept");
  };

  /** Without one, a client that never comes again would stay for ever. */
  const giveLeases = async (
    rule: string,
    leaseSeconds: number,
  ): Promise<void> => {
    let total = 0;
    while (!stop.signal.aborted) {
      const clientIds = await store.clientsWithoutLease(rule, BATCH);
      const time = steadyNow();
      const given = await Promise.all(
        clientIds.map((clientId) =>
          store.renewLease(clientId, time + leaseSeconds, {
            id: uuidv7(),
            time,
            code: null,
            reasons: [],
            rule,
            credential: null,
            remote: null,
            details: { by: "policy" },
          }),
        ),
      );
      total += given.filter(Boolean).length;
      if (clientIds.length < BATCH || !given.includes(true)) break;
      await clock.sleep(PAUSE_MS, stop.signal);
    }
    if (total > 0) log.info({ rule, given: total }, "leases given");
  };

  let isWarned = false;
  const compareClocks = async (): Promise<void> => {
    const { clockAheadSeconds } = await store.ping();
    const warning = clockWarning(clockAheadSeconds);
    // Once for each time that they part.
    if (warning !== undefined && !isWarned) log.warn({}, warning);
    isWarned = warning !== undefined;
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await compareClocks();
        await sweepAll();
        for (const { name, leaseSeconds } of policy) {
          if (leaseSeconds !== undefined) await giveLeases(name, leaseSeconds);
        }
        await clock.sleep(INTERVAL_MS, stop.signal);
      } catch (error) {
        if (stop.signal.aborted) return;
        // What is due stays due: the store may take it at the next turn.
        log.warn({ error: String(error) }, "leases not swept");
        await clock.sleep(INTERVAL_MS, stop.signal).catch(() => undefined);
      }
    }
  };
  const running = run();
  return {
    async close() {
      stop.abort();
      await running.catch(() => undefined);
    },
  };
}

import { setImmediate } from "node:timers/promises";
import type { CredentialStatuses } from "@accredit/core/vc";
import type {
  ClientLifecycle,
  Clock,
  CredentialTurn,
  StatusListPage,
} from "@accredit/core/ports";
import type { VcClient } from "@accredit/core/registration";
import type { StatusListChange } from "@accredit/trust";
import type { Logger } from "pino";
import { v7 as uuidv7 } from "uuid";

/** Clients judged at a time, and named by one audit row; requests get their turn in between. */
const PAGE = 100;

/** What a watch of clients' credentials needs of the world. */
export interface CredentialWatchOptions {
  readonly store: Pick<
    ClientLifecycle,
    "statusLists" | "clientsOnStatusList" | "tellCredentials"
  >;
  readonly statuses: Pick<CredentialStatuses, "check">;
  readonly clock: Clock;
  readonly log: Pick<Logger, "info" | "warn">;
}

/** Follows the status of registered clients' credentials. */
export interface CredentialWatch {
  /** Fetches every list that a client depends on, so that none has to wait for it. */
  start(): Promise<void>;
  /** Judges every client on a list that has changed, and says in the audit trail whose standing did. */
  listChanged(change: StatusListChange): void;
  isInUse(listUrl: string): boolean;
  /** Resolves when every change that it has heard of so far is judged. */
  settled(): Promise<void>;
  /** Resolves when what is under way is done. */
  close(): Promise<void>;
}

/**
 * Watches the status lists that clients depend on. That a revoked client gets nothing does not hang on it:
 * each use asks the list itself. This tells of it at once, and once, however many nodes watch: the store knows what
 * was told, also of what changed while none of them ran.
 */
export function watchCredentials({
  store,
  statuses,
  clock,
  log,
}: CredentialWatchOptions): CredentialWatch {
  let inUse = new Set<string>();
  let work: Promise<void> = Promise.resolve();
  const stop = new AbortController();

  /** Undefined where a list cannot tell now: then what was told of the client stays. */
  const isWithdrawn = async ({ trust, credential }: VcClient) => {
    const { status } = credential;
    const { verdict } = await statuses.check(trust, status, clock.now());
    if (verdict === "valid") return false;
    return verdict === "revoked" || verdict === "suspended" ? true : undefined;
  };

  /** Whose credentials are not what the audit trail says of them. */
  const judge = async ({
    clients,
    withdrawn,
  }: StatusListPage): Promise<Record<CredentialTurn["to"], string[]>> => {
    const turned = { withdrawn: [] as string[], restored: [] as string[] };
    for (const client of clients) {
      if (client.kind !== "vc") continue;
      const { clientId } = client;
      const isNow = await isWithdrawn(client);
      if (isNow !== undefined && isNow !== withdrawn.has(clientId))
        turned[isNow ? "withdrawn" : "restored"].push(clientId);
    }
    return turned;
  };

  const tell = async (turn: CredentialTurn): Promise<number> => {
    if (turn.clientIds.length === 0) return 0;
    return store.tellCredentials(turn, {
      id: uuidv7(),
      time: clock.now(),
      code: turn.to === "withdrawn" ? "credential_revoked" : null,
      reasons: [],
      rule: null,
      credential: null,
      remote: null,
    });
  };

  const sweep = async ({ listUrl }: StatusListChange) => {
    const total = { withdrawn: 0, restored: 0 };
    let after: number | undefined;
    do {
      const page = await store.clientsOnStatusList(listUrl, after, PAGE);
      const turned = await judge(page);
      for (const to of ["withdrawn", "restored"] as const)
        total[to] += await tell({ listUrl, to, clientIds: turned[to] });
      after = page.next ?? undefined;
      // Neither a database in this process nor a list at hand waits for anything.
      await setImmediate();
    } while (after !== undefined && !stop.signal.aborted);
    if (total.withdrawn + total.restored > 0)
      log.info({ list: listUrl, ...total }, "credentials' clients judged anew");
  };

  return {
    async start() {
      inUse = new Set(await store.statusLists());
      for (const listUrl of inUse) {
        const page = await store.clientsOnStatusList(listUrl, undefined, 1);
        const [client] = page.clients;
        if (client?.kind === "vc") await isWithdrawn(client);
      }
    },
    listChanged(change) {
      inUse.add(change.listUrl);
      work = work
        .then(() => (stop.signal.aborted ? undefined : sweep(change)))
        .catch((error: unknown) => {
          log.warn(
            { list: change.listUrl, error: String(error) },
            "credentials' clients not judged anew",
          );
        });
    },
    isInUse: (listUrl) => inUse.has(listUrl),
    settled: () => work,
    async close() {
      stop.abort();
      await work;
    },
  };
}

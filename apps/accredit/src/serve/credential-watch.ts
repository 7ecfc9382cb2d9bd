import { setImmediate } from "node:timers/promises";
import type { CredentialStatuses } from "@accredit/core/vc";
import type {
  AuditAction,
  ClientLifecycle,
  ClientStore,
  Clock,
} from "@accredit/core/ports";
import type { RegisteredClient, VcClient } from "@accredit/core/registration";
import type { StatusListChange } from "@accredit/trust";
import type { Logger } from "pino";
import { v7 as uuidv7 } from "uuid";

/** Clients judged at a time; requests get their turn in between. */
const PAGE = 100;
/** Clients that one audit row names. */
const NAMED = 100;

/** What a watch of clients' credentials needs of the world. */
export interface CredentialWatchOptions {
  readonly store: Pick<
    ClientLifecycle & ClientStore,
    "statusLists" | "clientsOnStatusList" | "appendAudit"
  >;
  readonly statuses: CredentialStatuses;
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
  /** Resolves when what is under way is done. */
  close(): Promise<void>;
}

/**
 * Watches the status lists that clients depend on. That a revoked client gets nothing does not hang on it:
 * each use asks the list itself. This tells of it at once, and once for each list, however many are on it.
 */
export function watchCredentials({
  store,
  statuses,
  clock,
  log,
}: CredentialWatchOptions): CredentialWatch {
  /** Clients that are withdrawn, as this process saw it last. */
  const withdrawn = new Set<string>();
  let inUse = new Set<string>();
  let work: Promise<void> = Promise.resolve();
  const stop = new AbortController();

  const isWithdrawn = async ({ trust, credential }: VcClient) => {
    const { verdict } = await statuses.check(
      trust,
      credential.status,
      clock.now(),
    );
    return verdict === "revoked" || verdict === "suspended";
  };

  const judge = async (
    clients: readonly RegisteredClient[],
  ): Promise<Record<"withdrawn" | "restored", string[]>> => {
    const turned = { withdrawn: [] as string[], restored: [] as string[] };
    for (const client of clients) {
      if (client.kind !== "vc") continue;
      const { clientId } = client;
      const isNow = await isWithdrawn(client);
      if (isNow === withdrawn.has(clientId)) continue;
      if (isNow) withdrawn.add(clientId);
      else withdrawn.delete(clientId);
      turned[isNow ? "withdrawn" : "restored"].push(clientId);
    }
    return turned;
  };

  const tell = async (
    action: AuditAction,
    listUrl: string,
    clients: readonly string[],
  ): Promise<void> => {
    for (let at = 0; at < clients.length; at += NAMED) {
      await store.appendAudit({
        id: uuidv7(),
        time: clock.now(),
        action,
        code: action === "credentials.withdrawn" ? "credential_revoked" : null,
        reasons: [],
        clientId: null,
        rule: null,
        credential: null,
        remote: null,
        details: { list: listUrl, clients: clients.slice(at, at + NAMED) },
      });
    }
  };

  const sweep = async ({ listUrl, change }: StatusListChange) => {
    const total = { withdrawn: 0, restored: 0 };
    let after: number | undefined;
    do {
      const page = await store.clientsOnStatusList(listUrl, after, PAGE);
      const turned = await judge(page.clients);
      // What was so when the process came up was told by the one before.
      if (change === "changed") {
        await tell("credentials.withdrawn", listUrl, turned.withdrawn);
        await tell("credentials.restored", listUrl, turned.restored);
      }
      total.withdrawn += turned.withdrawn.length;
      total.restored += turned.restored.length;
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
    async close() {
      stop.abort();
      await work;
    },
  };
}

import { setImmediate as immediate } from "node:timers/promises";
import { DcrError } from "@accredit/core/errors";
import type { Store, StoreHealth } from "@accredit/core/ports";
import type { VcClient } from "@accredit/core/registration";
import { BEFORE_ALL, checkPlace, verifyPage } from "./audit-chain.ts";
import { lifecycle } from "./lifecycle.ts";
import { read, type StoreReader } from "./read.ts";
import { auditToColumns, clientToColumns, keyToColumns } from "./records.ts";
import type { WriteQueue } from "./write-queue.ts";

/** What every store of ours can do beyond the port. */
export interface AccreditStore extends Store {
  /** How many clients each policy rule admitted; rules without any are left out. */
  countClientsByRule(): Promise<ReadonlyMap<string, number>>;
}

/** What a database has of its own. */
export interface StoreParts {
  readonly queue: WriteQueue;
  readonly reader: StoreReader;
  /** @throws {DcrError} `store_unavailable` */
  readonly ping: () => Promise<StoreHealth>;
  readonly close: () => Promise<void>;
}

/** Rows of the trail that are verified before other work gets its turn. */
const VERIFY_PAGE = 500;

/** A store of a queue that writes and a reader that reads, whatever database is behind them. */
export function makeStore({
  queue,
  reader,
  ping,
  close,
}: StoreParts): AccreditStore {
  let closed: Promise<void> | undefined;

  const register: Store["register"] = async (proposal) => {
    const { client, conditions } = proposal;
    const [denied, clientId, issuedAt, created, registrationId] =
      await queue.submit({
        kind: "register",
        client: clientToColumns(proposal),
        identity: [
          client.subject,
          client.trust,
          client.kind,
          client.softwareId,
        ],
        rule: client.rule,
        conditions,
        statusLists: client.kind === "vc" ? statusListsOf(client) : [],
        audit: auditToColumns(proposal.audit),
      });
    if (typeof denied === "string") throw conditionFailed(denied);
    return {
      client: {
        ...client,
        clientId: String(clientId),
        issuedAt: Number(issuedAt),
        registrationId: registrationId as string | null,
      },
      created: created === 1,
    };
  };

  const loadOrCreateSigningKeys: Store["loadOrCreateSigningKeys"] = async (
    generate,
  ) => {
    const present = await read(async () => reader.readSigningKeys());
    if (present.length > 0) return present;
    const key = keyToColumns(await generate());
    // Does nothing where another process was quicker; what is there then is the answer.
    await queue.submit({ kind: "signing-key", key });
    return read(async () => reader.readSigningKeys());
  };

  return {
    register,
    async ping() {
      if (closed !== undefined) throw notReady("it is closed");
      return ping();
    },
    loadOrCreateSigningKeys,
    findClient: async (clientId) =>
      read(async () => reader.findClient(clientId)),
    findSpiffeClients: async (subject) =>
      read(async () => reader.findSpiffeClients(subject)),
    async appendAudit(entry) {
      await queue.submit({
        kind: "audit",
        audit: auditToColumns(entry),
        action: entry.action,
        clientId: entry.clientId,
      });
    },
    readAudit: async (query) => read(async () => reader.readAudit(query)),
    findAudit: async (id) => read(async () => reader.findAudit(id)),
    async verifyAudit(section = {}) {
      const { after, limit = Infinity, head } = section;
      const found =
        after && (await read(async () => reader.findPlace(after.sequence)));
      let verdict = checkPlace(section, found);
      while (verdict.broken === null && !verdict.complete) {
        const asked = Math.min(VERIFY_PAGE, limit - verdict.rows);
        if (asked <= 0) break;
        const from = verdict.sequence === 0 ? BEFORE_ALL : verdict.sequence;
        const page = await read(async () => reader.readTrail(from, asked));
        verdict = verifyPage(verdict, page, asked, head);
        await immediate(); // Other work gets its turn.
      }
      return verdict;
    },
    ...lifecycle(queue, reader),
    countClients: async () => read(async () => reader.countClients()),
    countClientsByRule: async () =>
      read(async () => reader.countClientsByRule()),
    async revokeToken(tokenId, clientId, expiresAt, audit) {
      await queue.submit({
        kind: "revoke",
        token: [tokenId, clientId, expiresAt],
        audit: auditToColumns(audit),
      });
    },
    isTokenRevoked: async (tokenId) =>
      read(async () => reader.isTokenRevoked(tokenId)),
    newestStatusList: async (name) =>
      read(async () => reader.newestStatusList(name)),
    async noteStatusList(name, issuedAt) {
      await queue.submit({ kind: "status-list", list: [name, issuedAt] });
    },
    async claimOnce(key, expiresAt) {
      const [claimed] = await queue.submit({
        kind: "claim",
        proof: [key, expiresAt],
      });
      return claimed === 1;
    },
    close: () => (closed ??= close()),
  };
}

function statusListsOf({
  credential,
}: Pick<VcClient, "credential">): readonly string[] {
  return credential.status.flatMap((entry) =>
    entry.kind === "unknown" ? [] : [entry.listUrl],
  );
}

/** The writer's word for a condition that does not hold, as the error of the port. */
function conditionFailed(denied: string): DcrError {
  if (denied === "client_unknown")
    return new DcrError("client_unknown", "the client is no longer there");
  return denied === "client_keys_fixed"
    ? new DcrError(
        "client_keys_fixed",
        "expected the keys that the client has, or a proof of the new ones, got other keys",
      )
    : new DcrError(
        "quota_exceeded",
        "the policy rule, the trust source, or this subject has as many clients as it may",
      );
}

/** Says why a store is not ready. */
export function notReady(why: string): DcrError {
  return new DcrError("store_unavailable", `The store is not ready: ${why}.`);
}

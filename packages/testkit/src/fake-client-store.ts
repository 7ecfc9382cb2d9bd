import { DcrError } from "@accredit/core/errors";
import type {
  AuditDraft,
  AuditEntry,
  AuditQuery,
  AuditRecord,
  AuditSection,
  AuditVerdict,
  ClientPage,
  ClientProposal,
  ClientQuery,
  CredentialTurn,
  FoundSuspension,
  RegistrationOutcome,
  SigningKey,
  Standee,
  Store,
  StatusListPage,
  StoreHealth,
  Suspension,
  SuspensionSet,
  SuspensionTarget,
  Swept,
  TargetCount,
} from "@accredit/core/ports";
import type { RegisteredClient } from "@accredit/core/registration";
import { isTargetOf, withdrawnSubjects } from "@accredit/core/withdrawal";
import { FakeAuditTrail } from "./fake-audit-trail.ts";
import { checkConditions } from "./fake-conditions.ts";
import { FakeSuspensions } from "./fake-suspensions.ts";
import { isLive, statusListsOf, type HeldClient } from "./held-client.ts";

/** What a {@link FakeClientStore} can be told to fail at. */
export type FakeStoreFault = "register" | "appendAudit" | "renewLease";

/**
 * A store in memory that passes the store contract. Everything it takes and gives is a copy, as with a
 * database, and it fails on demand: a write that fails leaves nothing behind.
 */
export class FakeClientStore implements Store {
  /** What each operation rejects with, until deleted. */
  readonly faults = new Map<FakeStoreFault, Error>();
  readonly #clients = new Map<string, HeldClient>();
  readonly #claimed = new Set<string>();
  readonly #audit = new FakeAuditTrail();
  readonly #suspensions = new FakeSuspensions();
  #rows = 0;
  readonly #revoked = new Set<string>();
  readonly #listTimes = new Map<string, number>();
  #signingKeys: Promise<readonly SigningKey[]> | undefined;
  #closed = false;

  /** Every client, in the order of their first registration. */
  get clients(): readonly RegisteredClient[] {
    return [...this.#clients.values()].map(({ client }) =>
      structuredClone(client),
    );
  }

  async register(proposal: ClientProposal): Promise<RegistrationOutcome> {
    this.#check("register");
    const { client, conditions, now, audit } = structuredClone(proposal);
    const key = identityOf(client);
    const existing = this.#clients.get(key);
    checkConditions([...this.#clients.values()], client, conditions, existing);
    const clientId = existing?.client.clientId ?? client.clientId;
    const taken = this.#held(clientId)?.client;
    const foreign =
      clientId !== client.subject && clientId.startsWith("spiffe://");
    if ((taken !== undefined && taken !== existing?.client) || foreign) {
      throw unavailable(`client_id ${clientId} is not for ${client.subject}`);
    }
    this.#audit.append({
      ...audit,
      action: existing === undefined ? "client.registered" : "client.updated",
      clientId,
    });
    const issuedAt = existing?.client.issuedAt ?? now;
    const registered: RegisteredClient = {
      ...client,
      clientId,
      issuedAt,
      registrationId: existing?.client.registrationId ?? audit.id,
    };
    this.#clients.set(key, {
      client: registered,
      keyThumbprints: conditions.keyThumbprints,
      endedAt: undefined,
      isWithdrawn: false,
      row: existing?.row ?? ++this.#rows,
    });
    return {
      client: structuredClone(registered),
      created: existing === undefined,
    };
  }

  async findClient(clientId: string): Promise<RegisteredClient | undefined> {
    this.#check();
    return structuredClone(this.#held(clientId)?.client);
  }

  async findSpiffeClients(
    subject: string,
  ): Promise<readonly RegisteredClient[]> {
    this.#check();
    return this.clients.filter(
      (client) => client.kind === "spiffe" && client.subject === subject,
    );
  }

  async claimOnce(key: string): Promise<boolean> {
    this.#check();
    const first = !this.#claimed.has(key);
    this.#claimed.add(key);
    return first;
  }

  async appendAudit(entry: AuditEntry): Promise<void> {
    this.#check("appendAudit");
    this.#audit.append(structuredClone(entry));
  }

  async readAudit(query: AuditQuery): Promise<readonly AuditRecord[]> {
    this.#check();
    return this.#audit.read(query);
  }

  async findAudit(id: string): Promise<AuditRecord | undefined> {
    this.#check();
    return this.#audit.find(id);
  }

  async verifyAudit(section: AuditSection = {}): Promise<AuditVerdict> {
    this.#check();
    return this.#audit.verify(section);
  }

  async renewLease(
    clientId: string,
    leaseExpiresAt: number,
    audit: AuditDraft,
  ): Promise<boolean> {
    this.#check("renewLease");
    const held = this.#held(clientId);
    const current = held?.client.leaseExpiresAt ?? 0;
    if (held === undefined || current >= leaseExpiresAt) return false;
    if (held.endedAt !== undefined) return false;
    held.client = { ...held.client, leaseExpiresAt };
    this.#audit.append({ ...audit, action: "client.renewed", clientId });
    return true;
  }

  async deleteClient(clientId: string, audit: AuditDraft): Promise<boolean> {
    this.#check();
    const found = [...this.#clients].find(
      ([, { client }]) => client.clientId === clientId,
    );
    if (found === undefined) return false;
    this.#clients.delete(found[0]);
    this.#audit.append({ ...audit, action: "client.deleted", clientId });
    return true;
  }

  async rotateManagementToken(
    clientId: string,
    currentHash: string | null,
    nextHash: string | null,
  ): Promise<boolean> {
    this.#check();
    const held = this.#held(clientId);
    if (
      held?.client.kind !== "vc" ||
      held.client.managementTokenHash !== currentHash
    )
      return false;
    held.client = { ...held.client, managementTokenHash: nextHash };
    return true;
  }

  async destroyManagementToken(
    hash: string,
    audit: AuditDraft,
  ): Promise<boolean> {
    this.#check();
    for (const held of this.#clients.values()) {
      const { client } = held;
      if (client.kind !== "vc" || client.managementTokenHash !== hash) continue;
      held.client = { ...client, managementTokenHash: null };
      const { clientId } = client;
      this.#audit.append({
        ...audit,
        action: "client.token_destroyed",
        clientId,
      });
      return true;
    }
    return false;
  }

  noRoomSince(): number | undefined {
    return undefined;
  }

  async sweep(
    now: number,
    keepSeconds: number,
    limit: number,
    auditId: () => string,
  ): Promise<Swept> {
    this.#check();
    let kept = 0;
    const due = (isDue: (held: HeldClient) => boolean) =>
      [...this.#clients]
        .filter(([, held]) => isDue(held))
        .slice(0, limit)
        .filter(([, held]) => {
          const isKept = this.#keepSuspended(held, now);
          if (isKept) kept += 1;
          return !isKept;
        });
    const namesOf = (rows: readonly (readonly [string, HeldClient])[]) => ({
      clients: rows.map(([, { client }]) => client.clientId),
    });
    const audit = { code: null, reasons: [], rule: null, credential: null };
    const row = { ...audit, time: now, remote: null, clientId: null };
    const removed = due(({ endedAt }) => (endedAt ?? now) < now - keepSeconds);
    const expired = due(
      ({ endedAt, client }) =>
        endedAt === undefined && (client.leaseExpiresAt ?? Infinity) < now,
    );
    for (const [key] of removed) this.#clients.delete(key);
    for (const [, held] of expired) held.endedAt = now;
    if (expired.length > 0) {
      const details = namesOf(expired);
      this.#audit.append({
        ...row,
        id: auditId(),
        action: "clients.expired",
        details,
      });
    }
    if (removed.length > 0) {
      const details = namesOf(removed);
      this.#audit.append({
        ...row,
        id: auditId(),
        action: "clients.removed",
        details,
      });
    }
    return { expired: expired.length, removed: removed.length, kept };
  }

  #keepSuspended(held: HeldClient, now: number): boolean {
    if (!this.#suspensions.hits(held.client)) return false;
    if (held.endedAt === undefined)
      held.client = { ...held.client, leaseExpiresAt: now + 3600 };
    else held.endedAt = now;
    return true;
  }

  async listClients(query: ClientQuery): Promise<ClientPage> {
    this.#check();
    const { limit, after = 0, trust, rule, subject } = query;
    return this.#page(
      after,
      limit,
      ({ client }) =>
        (trust === undefined || client.trust === trust) &&
        (rule === undefined || client.rule === rule) &&
        (subject === undefined || client.subject === subject),
    );
  }

  async clientsWithoutLease(
    rule: string,
    limit: number,
  ): Promise<readonly string[]> {
    this.#check();
    return [...this.#clients.values()]
      .filter(isLive)
      .map(({ client }) => client)
      .filter((one) => one.rule === rule && one.leaseExpiresAt === null)
      .slice(0, limit)
      .map(({ clientId }) => clientId);
  }

  async countTargets(target: SuspensionTarget): Promise<TargetCount> {
    this.#check();
    const { scope, value } = target;
    const { above, has } = withdrawnSubjects(value);
    const hit = [...this.#clients.values()].filter(
      (held) =>
        isLive(held) &&
        (scope === "subject"
          ? has(held.client.subject) || above.includes(held.client.subject)
          : isTargetOf(target, held.client)),
    );
    return { clients: hit.length, complete: true };
  }

  async suspend(
    suspension: Suspension,
    audit: AuditDraft,
  ): Promise<SuspensionSet> {
    const count = await this.countTargets(suspension);
    const { scope, value, reason } = suspension;
    const client = scope === "client" ? this.#held(value)?.client : undefined;
    const { changed, since } = this.#suspensions.set(suspension, client);
    if (changed)
      this.#audit.append({
        ...audit,
        action: "suspension.set",
        clientId: null,
        details: { scope, value, reason, ...count },
      });
    return { ...count, since };
  }

  async resume(target: SuspensionTarget, audit: AuditDraft): Promise<boolean> {
    this.#check();
    const { scope, value } = target;
    if (!this.#suspensions.lift(target)) return false;
    const details = { scope, value };
    this.#audit.append({
      ...audit,
      action: "suspension.lifted",
      clientId: null,
      details,
    });
    return true;
  }

  async suspensions(): Promise<readonly Suspension[]> {
    this.#check();
    return this.#suspensions.all();
  }

  async suspensionsOf(
    who: readonly Standee[],
  ): Promise<readonly FoundSuspension[]> {
    this.#check();
    return this.#suspensions.of(who);
  }

  async statusLists(): Promise<readonly string[]> {
    this.#check();
    const urls = [...this.#clients.values()].flatMap(statusListsOf);
    return [...new Set(urls)].sort();
  }

  async clientsOnStatusList(
    listUrl: string,
    after: number | undefined,
    limit: number,
  ): Promise<StatusListPage> {
    this.#check();
    const page = this.#page(after ?? 0, limit, (held) =>
      statusListsOf(held).includes(listUrl),
    );
    const ids = page.clients.map(({ clientId }) => clientId);
    const withdrawn = ids.filter((id) => this.#held(id)?.isWithdrawn);
    return { ...page, withdrawn: new Set(withdrawn) };
  }

  async tellCredentials(
    { listUrl, to, clientIds }: CredentialTurn,
    audit: AuditDraft,
  ): Promise<number> {
    this.#check();
    const isWithdrawn = to === "withdrawn";
    const clients = clientIds.filter((clientId) => {
      const held = this.#held(clientId);
      if (held?.client.kind !== "vc" || held.isWithdrawn === isWithdrawn)
        return false;
      held.isWithdrawn = isWithdrawn;
      return true;
    });
    if (clients.length > 0)
      this.#audit.append({
        ...audit,
        action: `credentials.${to}`,
        clientId: null,
        details: { list: listUrl, clients },
      });
    return clients.length;
  }

  async countClients(): Promise<number> {
    this.#check();
    return [...this.#clients.values()].filter(isLive).length;
  }

  async loadOrCreateSigningKeys(
    generate: () => Promise<SigningKey>,
  ): Promise<readonly SigningKey[]> {
    this.#check();
    this.#signingKeys ??= generate().then((key) => [key]);
    try {
      return await this.#signingKeys;
    } catch (error) {
      this.#signingKeys = undefined;
      throw error;
    }
  }

  async revokeToken(
    tokenId: string,
    clientId: string,
    _expiresAt: number,
    audit: AuditDraft,
  ): Promise<void> {
    this.#check();
    if (this.#revoked.has(tokenId)) return;
    this.#revoked.add(tokenId);
    this.#audit.append({ ...audit, action: "token.revoked", clientId });
  }

  async isTokenRevoked(tokenId: string): Promise<boolean> {
    this.#check();
    return this.#revoked.has(tokenId);
  }

  async newestStatusList(name: string): Promise<number | undefined> {
    this.#check();
    return this.#listTimes.get(name);
  }

  async noteStatusList(name: string, issuedAt: number): Promise<void> {
    this.#check();
    const newest = this.#listTimes.get(name) ?? issuedAt;
    this.#listTimes.set(name, Math.max(newest, issuedAt));
  }

  async ping(): Promise<StoreHealth> {
    this.#check();
    return { clockAheadSeconds: 0 };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #held(clientId: string): HeldClient | undefined {
    return [...this.#clients.values()].find(
      ({ client }) => client.clientId === clientId,
    );
  }

  #page(
    after: number,
    limit: number,
    holds: (held: HeldClient) => boolean,
  ): ClientPage {
    const rows = [...this.#clients.values()]
      .filter((held) => held.row > after && holds(held))
      .slice(0, limit);
    return {
      clients: rows.map(({ client }) => structuredClone(client)),
      next: rows.length < limit ? null : (rows.at(-1)?.row ?? null),
    };
  }

  #check(operation?: FakeStoreFault): void {
    if (this.#closed) throw unavailable("the store is closed");
    const fault = operation && this.faults.get(operation);
    if (fault !== undefined) throw fault;
  }
}

function identityOf({
  kind,
  trust,
  subject,
  softwareId,
}: ClientProposal["client"]): string {
  return JSON.stringify([kind, trust, subject, softwareId]);
}

function unavailable(message: string): DcrError {
  return new DcrError("store_unavailable", message);
}

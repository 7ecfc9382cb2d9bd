import { DcrError } from "@accredit/core/errors";
import type {
  AuditEntry,
  ClientProposal,
  RegistrationConditions,
  RegistrationOutcome,
  SigningKey,
  Store,
} from "@accredit/core/ports";
import type { RegisteredClient } from "@accredit/core/registration";

/** What a {@link FakeClientStore} can be told to fail at. */
export type FakeStoreFault = "register" | "appendAudit";

/**
 * A store in memory that passes the store contract. Everything it takes and gives is a copy, as with a
 * database, and it fails on demand: a write that fails leaves nothing behind.
 */
export class FakeClientStore implements Store {
  /** What each operation rejects with, until deleted. */
  readonly faults = new Map<FakeStoreFault, Error>();
  readonly #clients = new Map<string, HeldClient>();
  readonly #claimed = new Set<string>();
  readonly #audit: AuditEntry[] = [];
  readonly #revoked = new Set<string>();
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
    this.#checkConditions(client, conditions, existing);
    const clientId = existing?.client.clientId ?? client.clientId;
    const taken = this.#find(clientId);
    const foreign =
      clientId !== client.subject && clientId.startsWith("spiffe://");
    if ((taken !== undefined && taken !== existing?.client) || foreign) {
      throw unavailable(`client_id ${clientId} is not for ${client.subject}`);
    }
    this.#append({
      ...audit,
      action: existing === undefined ? "client.registered" : "client.updated",
      clientId,
    });
    const issuedAt = existing?.client.issuedAt ?? now;
    const registered: RegisteredClient = { ...client, clientId, issuedAt };
    const { keyThumbprints } = conditions;
    this.#clients.set(key, { client: registered, keyThumbprints });
    return {
      client: structuredClone(registered),
      created: existing === undefined,
    };
  }

  async findClient(clientId: string): Promise<RegisteredClient | undefined> {
    this.#check();
    return structuredClone(this.#find(clientId));
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
    this.#append(structuredClone(entry));
  }

  async readAudit(limit: number): Promise<readonly AuditEntry[]> {
    this.#check();
    return structuredClone(this.#audit.toReversed().slice(0, limit));
  }

  async countClients(): Promise<number> {
    this.#check();
    return this.#clients.size;
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

  async revokeToken(tokenId: string): Promise<void> {
    this.#check();
    this.#revoked.add(tokenId);
  }

  async isTokenRevoked(tokenId: string): Promise<boolean> {
    this.#check();
    return this.#revoked.has(tokenId);
  }

  async ping(): Promise<void> {
    this.#check();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #find(clientId: string): RegisteredClient | undefined {
    return [...this.#clients.values()].find(
      ({ client }) => client.clientId === clientId,
    )?.client;
  }

  #checkConditions(
    client: ClientProposal["client"],
    conditions: RegistrationConditions,
    existing: HeldClient | undefined,
  ): void {
    const { maxClientsOfRule = Infinity, maxClientsPerSubject } = conditions;
    if (existing !== undefined) {
      if (
        !conditions.keysProven &&
        existing.keyThumbprints !== conditions.keyThumbprints
      )
        throw new DcrError("client_keys_fixed", "the client has other keys");
      return;
    }
    const held = this.clients;
    const ofRule = held.filter(({ rule }) => rule === client.rule).length;
    const ofSubject = held.filter(
      ({ kind, trust, subject }) =>
        kind === client.kind &&
        trust === client.trust &&
        subject === client.subject,
    ).length;
    if (
      ofRule >= maxClientsOfRule ||
      (client.softwareId !== "" && ofSubject >= maxClientsPerSubject)
    )
      throw new DcrError("quota_exceeded", "there are as many as there may be");
  }

  #append(entry: AuditEntry): void {
    if (this.#audit.some(({ id }) => id === entry.id))
      throw unavailable(`audit row ${entry.id} is there already`);
    this.#audit.push(entry);
  }

  #check(operation?: FakeStoreFault): void {
    if (this.#closed) throw unavailable("the store is closed");
    const fault = operation && this.faults.get(operation);
    if (fault !== undefined) throw fault;
  }
}

/** A client and what registration compares its keys by. */
interface HeldClient {
  readonly client: RegisteredClient;
  readonly keyThumbprints: string | null;
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

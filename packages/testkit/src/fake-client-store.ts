import { DcrError } from "@accredit/core/errors";
import type {
  AuditEntry,
  ClientProposal,
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
  readonly #clients = new Map<string, RegisteredClient>();
  readonly #audit: AuditEntry[] = [];
  readonly #revoked = new Set<string>();
  #signingKeys: Promise<readonly SigningKey[]> | undefined;
  #closed = false;

  /** Every client, in the order of their first registration. */
  get clients(): readonly RegisteredClient[] {
    return [...this.#clients.values()].map((client) => structuredClone(client));
  }

  async register(proposal: ClientProposal): Promise<RegistrationOutcome> {
    this.#check("register");
    const { client, now, audit } = structuredClone(proposal);
    const subject = client.spiffeId.uri;
    const existing = this.#clients.get(subject);
    const clientId = existing?.clientId ?? client.clientId;
    const taken = this.#find(clientId) ?? this.#find(subject);
    const foreign = clientId !== subject && clientId.startsWith("spiffe://");
    if ((taken !== undefined && taken !== existing) || foreign) {
      throw unavailable(`client_id ${clientId} is not for ${subject}`);
    }
    this.#append({
      ...audit,
      action: existing === undefined ? "client.registered" : "client.updated",
      clientId,
    });
    const registered = {
      ...client,
      clientId,
      issuedAt: existing?.issuedAt ?? now,
    };
    this.#clients.set(subject, registered);
    return {
      client: structuredClone(registered),
      created: existing === undefined,
    };
  }

  async findClient(
    clientIdOrSubject: string,
  ): Promise<RegisteredClient | undefined> {
    this.#check();
    return structuredClone(this.#find(clientIdOrSubject));
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

  #find(clientIdOrSubject: string): RegisteredClient | undefined {
    return (
      this.#clients.get(clientIdOrSubject) ??
      [...this.#clients.values()].find(
        ({ clientId }) => clientId === clientIdOrSubject,
      )
    );
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

function unavailable(message: string): DcrError {
  return new DcrError("store_unavailable", message);
}

import type {
  RegisteredClient,
  SpiffeClient,
  VcClient,
} from "./registration/client.ts";

/** The time, as epoch seconds (whole). */
export interface Clock {
  now(): number;
}

/** What is known of the credential behind a decision. Never the credential itself. */
export interface CredentialFacts {
  readonly kind: string;
  /** The trust domain name or issuer that the server's configuration knows. */
  readonly trust: string;
  readonly subject: string;
  readonly keyId: string;
  readonly algorithm: string;
  readonly fingerprint: string;
  readonly issuedAt: number | undefined;
  readonly expiresAt: number;
}

/** One row of the audit trail: append-only. */
export interface AuditEntry {
  /** Unique, time-ordered (UUID version 7). Also the `X-Request-Id` of the response. */
  readonly id: string;
  /** Epoch seconds. */
  readonly time: number;
  readonly action:
    | "client.registered"
    | "client.updated"
    | "registration.refused"
    | "authentication.refused"
    | "token.refused";
  /** The stable reason code of a refusal, else null. */
  readonly code: string | null;
  /** Every reason, in words; empty where nothing was refused. */
  readonly reasons: readonly string[];
  readonly clientId: string | null;
  readonly rule: string | null;
  readonly credential: CredentialFacts | null;
  /** The peer's address as the listener saw it. */
  readonly remote: string | null;
}

/** A client as registration proposes it; the store fills in what only it can know. */
export interface ClientProposal {
  readonly client: Omit<SpiffeClient, "issuedAt"> | Omit<VcClient, "issuedAt">;
  /** What the store refuses in the same transaction in which it would write. */
  readonly conditions: RegistrationConditions;
  /** Epoch seconds. `issuedAt` of the client if it is new. */
  readonly now: number;
  /** The audit row written in the same transaction; `action`, `clientId` are decided by the outcome. */
  readonly audit: Omit<AuditEntry, "action" | "clientId">;
}

/** Conditions that only hold if they are checked where the client is written. */
export interface RegistrationConditions {
  /** Clients that one subject may have, told apart by `softwareId`. */
  readonly maxClientsPerSubject: number;
  /** Clients that the rule may have; undefined for any number. */
  readonly maxClientsOfRule: number | undefined;
  /**
   * The RFC 7638 thumbprints of the client's own keys, sorted and joined by spaces; null where it has none.
   * With `keysProven` false a client that is there keeps its keys, and other ones are refused.
   */
  readonly keyThumbprints: string | null;
  readonly keysProven: boolean;
}

/** What became of a {@link ClientProposal}. */
export interface RegistrationOutcome {
  readonly client: RegisteredClient;
  readonly created: boolean;
}

/**
 * Where clients live. Every promise that resolves means the change is on disk (or in the quorum).
 *
 * Failures to reach or write the store reject with `DcrError` code `store_unavailable`; a write that
 * rejected left nothing behind.
 */
export interface ClientStore {
  /**
   * Registers, in one transaction with its audit row: where no client has this kind, trust, subject and
   * `softwareId`, the proposed client; where one has, the same `clientId` and `issuedAt` with everything
   * else replaced. Two hundred at once for one subject give one client.
   *
   * @throws {DcrError} `quota_exceeded`, `client_keys_fixed`: a condition does not hold, nothing is written
   */
  register(proposal: ClientProposal): Promise<RegistrationOutcome>;
  /** By `client_id` alone. */
  findClient(clientId: string): Promise<RegisteredClient | undefined>;
  /** The clients of one SPIFFE ID or wildcard, oldest first; at most `maxClientsPerSubject` ever were. */
  findSpiffeClients(subject: string): Promise<readonly RegisteredClient[]>;
  /** Appends an audit row that changes nothing else. */
  appendAudit(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  readAudit(limit: number): Promise<readonly AuditEntry[]>;
  countClients(): Promise<number>;
  /** Rejects with `store_unavailable` when the store cannot be read. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The authorization server's own signing keys, private JWKs, generated on first start. */
export interface SigningKeyStore {
  /** The keys, newest first; where there is none, stores the one that `generate` makes, once. */
  loadOrCreateSigningKeys(
    generate: () => Promise<SigningKey>,
  ): Promise<readonly SigningKey[]>;
}

export interface SigningKey {
  readonly kid: string;
  readonly algorithm: "ES256";
  readonly privateJwk: Readonly<Record<string, unknown>>;
  /** Epoch seconds. */
  readonly createdAt: number;
}

/** Access tokens revoked before they expire, by `jti`. */
export interface TokenRevocations {
  /** `expiresAt` in epoch seconds: after it the row may go. */
  revokeToken(
    tokenId: string,
    clientId: string,
    expiresAt: number,
  ): Promise<void>;
  isTokenRevoked(tokenId: string): Promise<boolean>;
}

/** Proofs that are good for one use, by any name that is theirs alone. */
export interface ReplayGuard {
  /**
   * Whether this is the first use: true once for a key, whichever node asks. `expiresAt` in epoch seconds is
   * when the proof itself is no longer taken; the row may go after it.
   */
  claimOnce(key: string, expiresAt: number): Promise<boolean>;
}

/** Everything one database holds. */
export interface Store
  extends ClientStore, SigningKeyStore, TokenRevocations, ReplayGuard {}

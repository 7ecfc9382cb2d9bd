import type {
  RegisteredClient,
  SpiffeClient,
  VcClient,
} from "./registration/client.ts";

/** The time, as epoch seconds (whole). */
export interface Clock {
  now(): number;
}

/**
 * What is known of the credential behind a decision: who acted, and by what. Never the credential itself.
 *
 * `kind` is that of a credential which somebody trusted issued (`jwt-svid`, `x509-svid`, `wit-svid`, `vc`), or
 * `private_key_jwt`, `registration_access_token`, or `admin_token`: an administrator's bearer token.
 */
export interface CredentialFacts {
  readonly kind: string;
  /** The trust domain name or issuer that the server's configuration knows; null for an administrator. */
  readonly trust: string | null;
  readonly subject: string | null;
  /** Null for a bearer token, as `algorithm` is. */
  readonly keyId: string | null;
  readonly algorithm: string | null;
  /** Base64url SHA-256 of what was signed, or of a bearer token. */
  readonly fingerprint: string;
  readonly issuedAt: number | undefined;
  /** Null for a bearer token, which does not say. */
  readonly expiresAt: number | null;
}

/** What an audit row tells of. */
export type AuditAction =
  | "client.registered"
  | "client.updated"
  | "client.renewed"
  | "client.deleted"
  /** A registration access token that was shown where it does not belong. */
  | "client.token_destroyed"
  /** Leases that ended; `details` names the clients. */
  | "clients.expired"
  /** Registrations that ended so long ago that they were removed; `details` names them. */
  | "clients.removed"
  /** Clients whose credential was revoked or suspended by its status list; `details` names them. */
  | "credentials.withdrawn"
  | "credentials.restored"
  | "suspension.set"
  | "suspension.lifted"
  /** A trust source was read anew because an administrator said so; `details` has what came of it. */
  | "issuer.refreshed"
  /** An access token; `details` names it. */
  | "token.revoked"
  | "registration.refused"
  | "authentication.refused"
  | "management.refused"
  /** A request for a token, or about one. */
  | "token.refused"
  /** Somebody without the administrator's token. */
  | "administration.refused";

/** One row of the audit trail: append-only, and chained by hash to the row before it. */
export interface AuditEntry {
  /** Unique, time-ordered (UUID version 7). Also the `X-Request-Id` of the response. */
  readonly id: string;
  /** Epoch seconds. */
  readonly time: number;
  readonly action: AuditAction;
  /** The stable reason code of a refusal, else null. */
  readonly code: string | null;
  /** Every reason, in words; empty where nothing was refused. */
  readonly reasons: readonly string[];
  readonly clientId: string | null;
  readonly rule: string | null;
  /** Who acted, by what. Null where nothing was proven, and for what the server does by itself. */
  readonly credential: CredentialFacts | null;
  /** The peer's address as the listener saw it; null for what the server does by itself. */
  readonly remote: string | null;
  /** What else the action is about: JSON values, never a credential. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** An audit row as it was read: with its place in the chain. */
export interface AuditRecord extends AuditEntry {
  /** Grows from row to row. */
  readonly sequence: number;
  /** Hex SHA-256 over the row before and this one; null for rows older than the chain. */
  readonly chain: string | null;
}

/** Which audit rows to read: newest first. */
export interface AuditQuery {
  readonly limit: number;
  /** Only rows with a smaller sequence. */
  readonly before?: number | undefined;
  /** Only rows of this client, and those about many that name it. */
  readonly clientId?: string | undefined;
  readonly action?: AuditAction | undefined;
}

/** A row of the audit trail, by its place and the chain value that it has; null for one older than the chain. */
export interface AuditPlace {
  readonly sequence: number;
  readonly chain: string | null;
}

/** Which part of the audit trail to verify. */
export interface AuditSection {
  /** Only rows after this one, which has to be there still. From the first row where left out. */
  readonly after?: AuditPlace | undefined;
  /** At most so many rows; to the end where left out. */
  readonly limit?: number | undefined;
  /** A chain value to look for among the rows. */
  readonly head?: string | undefined;
}

/** Whether a section of the audit trail is as it was written. */
export interface AuditVerdict {
  readonly rows: number;
  /** Rows from before the chain began. */
  readonly unchained: number;
  /** The last row that is as it was written, 0 where there is none, and its chain value. */
  readonly sequence: number;
  /** Kept elsewhere, it shows later whether the trail still leads up to it. */
  readonly head: string | null;
  /** Whether the section reached the end of the trail. */
  readonly complete: boolean;
  /** Whether a row has the chain value that was looked for; true where none was. */
  readonly anchored: boolean;
  /** Where the trail first is not what was written; null if nowhere. */
  readonly broken: AuditBreak | null;
}

/** Where an audit trail is not what was written. */
export interface AuditBreak {
  readonly sequence: number;
  /** Null where there is no such row. */
  readonly id: string | null;
  /** What was expected and what came. */
  readonly reason: string;
}

/** A client as registration proposes it; the store fills in what only it can know. */
export interface ClientProposal {
  readonly client:
    | Omit<SpiffeClient, "issuedAt" | "registrationId">
    | Omit<VcClient, "issuedAt" | "registrationId">;
  /** What the store refuses in the same transaction in which it would write. */
  readonly conditions: RegistrationConditions;
  /** Epoch seconds. `issuedAt` of the client if it is new. */
  readonly now: number;
  /**
   * The audit row written in the same transaction; `action`, `clientId` are decided by the outcome. Its id is
   * `registrationId` of the client if it is new.
   */
  readonly audit: Omit<AuditEntry, "action" | "clientId">;
}

/** Conditions that only hold if they are checked where the client is written. */
export interface RegistrationConditions {
  /** Clients that one subject may have, told apart by `softwareId`. */
  readonly maxClientsPerSubject: number;
  /** Clients that the rule may have; undefined for any number. */
  readonly maxClientsOfRule: number | undefined;
  /** Clients that the trust domain or issuer may have, whatever rule admits them; undefined for any number. */
  readonly maxClientsOfTrust: number | undefined;
  /**
   * The client's own keys as a text to compare; null where it has none.
   * With `keysProven` false a client that is there keeps its keys, and other ones are refused.
   */
  readonly keyThumbprints: string | null;
  readonly keysProven: boolean;
  /** Refuses to make a client. */
  readonly mustExist?: boolean | undefined;
  /**
   * Refuses to write over any client but this one as it was read: not one that was deleted meanwhile, nor its
   * successor, nor one whose registration access token was replaced.
   */
  readonly mustBe?:
    | {
        readonly clientId: string;
        readonly registrationId: string | null;
        readonly managementTokenHash: string | null;
      }
    | undefined;
}

/** What became of a {@link ClientProposal}. */
export interface RegistrationOutcome {
  readonly client: RegisteredClient;
  readonly created: boolean;
}

/** How a store that answers is. */
export interface StoreHealth {
  /** How far this machine's clock is ahead of the database's, negative where it is behind; 0 where they are one. */
  readonly clockAheadSeconds: number;
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
   * `softwareId`, the proposed client; where one has, the same `clientId`, `issuedAt` and
   * `registrationId` with everything else replaced. Two hundred at once for one subject give one client.
   *
   * @throws {DcrError} `quota_exceeded`, `client_keys_fixed`, `client_unknown`: a condition does not hold,
   * nothing is written
   */
  register(proposal: ClientProposal): Promise<RegistrationOutcome>;
  /** By `client_id` alone. */
  findClient(clientId: string): Promise<RegisteredClient | undefined>;
  /** The clients of one SPIFFE ID or wildcard, oldest first; at most `maxClientsPerSubject` ever were. */
  findSpiffeClients(subject: string): Promise<readonly RegisteredClient[]>;
  /** Appends an audit row that changes nothing else. */
  appendAudit(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  readAudit(query: AuditQuery): Promise<readonly AuditRecord[]>;
  findAudit(id: string): Promise<AuditRecord | undefined>;
  /**
   * Reads the trail, or a section of it, in pieces, and says whether it is what was written: numbered from 1
   * without a gap, each row chained to the one before, and ending where the store's own account of it ends.
   */
  verifyAudit(section?: AuditSection): Promise<AuditVerdict>;
  countClients(): Promise<number>;
  /** Rejects with `store_unavailable` when the store cannot be read, or not by this release. */
  ping(): Promise<StoreHealth>;
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
  /** `expiresAt` in epoch seconds: after it the row may go. The first time leaves an audit row, the next none. */
  revokeToken(
    tokenId: string,
    clientId: string,
    expiresAt: number,
    audit: AuditDraft,
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

/** How new the status lists are that were taken, whichever node took them, across restarts. */
export interface StatusListTimes {
  /** Epoch seconds at which the newest list of this name was issued; undefined where none was taken. */
  newestStatusList(name: string): Promise<number | undefined>;
  /** The latest time of a name stays. */
  noteStatusList(name: string, issuedAt: number): Promise<void>;
}

/** Which clients to list: by their row, oldest first. */
export interface ClientQuery {
  readonly limit: number;
  /** Only clients after this cursor; one that an earlier page gave. */
  readonly after?: number | undefined;
  readonly trust?: string | undefined;
  readonly rule?: string | undefined;
  /** An exact subject. */
  readonly subject?: string | undefined;
}

/** A page of clients, and the cursor of the next one; null where there is none. */
export interface ClientPage {
  readonly clients: readonly RegisteredClient[];
  readonly next: number | null;
}

/** A page of the clients on a status list. */
export interface StatusListPage extends ClientPage {
  /** The ids of those whose credential is withdrawn, as the audit trail says. */
  readonly withdrawn: ReadonlySet<string>;
}

/** Clients whose credentials a status list withdrew, or gave back. */
export interface CredentialTurn {
  readonly listUrl: string;
  readonly to: "withdrawn" | "restored";
  readonly clientIds: readonly string[];
}

/** What a withdrawal is about. `subject` takes a pattern of SPIFFE IDs, or a credential's subject. */
export interface SuspensionTarget {
  readonly scope: "trust" | "rule" | "subject" | "client";
  readonly value: string;
}

/** Whom a withdrawal is compared with: a client, or a credential that asks to be one. */
export interface Standee {
  readonly clientId?: string | undefined;
  readonly trust: string;
  readonly subject: string;
  readonly rule?: string | undefined;
}

/** A withdrawal in force: what it is about gets nothing until it is lifted. */
export interface Suspension extends SuspensionTarget {
  readonly reason: string;
  /** Epoch seconds. */
  readonly since: number;
}

/** A withdrawal that was looked up. */
export interface FoundSuspension extends Suspension {
  /** Whose client it withdraws, also when that is gone; undefined where it withdraws none that there was. */
  readonly client?:
    Pick<RegisteredClient, "trust" | "subject" | "softwareId"> | undefined;
}

/**
 * How many clients a withdrawal hits: those whose lease runs. One that many SPIFFE IDs share is hit where some
 * of them are.
 */
export interface TargetCount {
  readonly clients: number;
  /** False where counting did not come to its end: there are so many, or more. */
  readonly complete: boolean;
}

/** What became of a withdrawal that was set. */
export interface SuspensionSet extends TargetCount {
  /** Epoch seconds: since when it is in force. */
  readonly since: number;
}

/** The part of an audit row that the caller of a write knows; the outcome decides the rest. */
export type AuditDraft = Omit<AuditEntry, "action" | "clientId">;

/** How many clients a sweep dealt with. */
export interface Swept {
  readonly expired: number;
  readonly removed: number;
  /** Suspended ones, of which neither was done. */
  readonly kept: number;
}

/** What happens to clients after they are registered. */
export interface ClientLifecycle {
  /** Moves the end of a lease on, never back, and gives one to a client without; false where the client is gone. */
  renewLease(
    clientId: string,
    leaseExpiresAt: number,
    audit: AuditDraft,
  ): Promise<boolean>;
  /**
   * Epoch seconds: since when there has been no room to renew leases; undefined where there is. Those that ran before
   * go on running until there is room again.
   */
  noRoomSince(): number | undefined;
  /** False where there was none. */
  deleteClient(clientId: string, audit: AuditDraft): Promise<boolean>;
  /** Replaces a registration access token's hash; false where it was another meanwhile. */
  rotateManagementToken(
    clientId: string,
    currentHash: string | null,
    nextHash: string | null,
  ): Promise<boolean>;
  /**
   * Destroys the registration access token of this hash, whosever it is, and says so in an audit row of its client;
   * false, and no row, where nobody has it.
   */
  destroyManagementToken(hash: string, audit: AuditDraft): Promise<boolean>;
  /**
   * Ends the leases that ran out before `now` (epoch seconds), and removes what was ended more than
   * `keepSeconds` before, at most `limit` of each, each batch with its audit row. A lease that was ended no
   * longer counts against a quota; its client can come back under its old id until it is removed.
   * What is suspended stays, so that resuming restores it: its lease is moved on instead.
   * Where the database has a clock of its own, nothing ends that is not over by both; nor does what could not be
   * renewed for lack of room.
   */
  sweep(
    now: number,
    keepSeconds: number,
    limit: number,
    auditId: () => string,
  ): Promise<Swept>;
  listClients(query: ClientQuery): Promise<ClientPage>;
  /** The ids of some live clients under a rule that have no lease, `limit` at most. */
  clientsWithoutLease(rule: string, limit: number): Promise<readonly string[]>;
  /** How many clients a withdrawal would hit. Other work gets its turn in between, however many they are. */
  countTargets(target: SuspensionTarget): Promise<TargetCount>;
  /**
   * Withdraws, and says in `details` of one audit row how many clients that hits; it is set even where they
   * could not be counted. One that is in force keeps its `since`, and without another reason leaves no row.
   */
  suspend(suspension: Suspension, audit: AuditDraft): Promise<SuspensionSet>;
  /** False where there was none. */
  resume(target: SuspensionTarget, audit: AuditDraft): Promise<boolean>;
  /** Every withdrawal in force, as it is now, whichever node set it. */
  suspensions(): Promise<readonly Suspension[]>;
  /**
   * The withdrawals in force that may hit one of these: those that name one, those by a pattern of SPIFFE IDs,
   * and those of a client that one's subject has, or had.
   */
  suspensionsOf(who: readonly Standee[]): Promise<readonly FoundSuspension[]>;
  /** The URLs of every status list that a client depends on. */
  statusLists(): Promise<readonly string[]>;
  /** The clients that depend on a status list, by `after` and `limit` as in {@link ClientQuery}. */
  clientsOnStatusList(
    listUrl: string,
    after: number | undefined,
    limit: number,
  ): Promise<StatusListPage>;
  /**
   * Says in the audit trail, in one row, of which of these clients the credential was withdrawn or restored:
   * those of whom it says otherwise so far, whichever node told. Resolves with their number; where there is
   * none, no row is written. Registering again starts with a credential that is not withdrawn.
   */
  tellCredentials(turn: CredentialTurn, audit: AuditDraft): Promise<number>;
}

/** Everything one database holds. */
export interface Store
  extends
    ClientStore,
    ClientLifecycle,
    SigningKeyStore,
    TokenRevocations,
    StatusListTimes,
    ReplayGuard {}

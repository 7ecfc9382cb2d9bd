import { DcrError } from "@accredit/core/errors";
import type {
  AuditPlace,
  AuditQuery,
  AuditRecord,
  ClientPage,
  ClientQuery,
  FoundSuspension,
  SigningKey,
  StatusListPage,
  Standee,
  Suspension,
  SuspensionTarget,
} from "@accredit/core/ports";
import type { RegisteredClient } from "@accredit/core/registration";
import type { TrailPage } from "./audit-chain.ts";

/** Reads the audit trail. */
export interface AuditReader {
  readAudit(query: AuditQuery): readonly AuditRecord[];
  findAudit(id: string): AuditRecord | undefined;
  /** Rows of the trail as they are stored, with what the database says of the whole. */
  readTrail(after: number, limit: number): TrailPage | undefined;
  /** One row's place. */
  findPlace(sequence: number): AuditPlace | undefined;
}

/** Subjects, each with how many clients it has, and where the next page begins; null at the end. */
export interface SubjectPage {
  readonly subjects: readonly (readonly [subject: string, clients: number])[];
  readonly next: string | number | null;
}

/** Reads what is registered, and what is withdrawn. */
export interface LifecycleReader {
  listClients(query: ClientQuery): ClientPage;
  hasManagementToken(hash: string): boolean;
  clientsWithoutLease(rule: string, limit: number): readonly string[];
  /** Live clients that a withdrawal names; of `subject`, exactly. */
  countNamed(target: SuspensionTarget): number;
  /** Some of the live clients' subjects that begin so: a piece of work that is over soon, however many there are. */
  liveSubjects(
    prefix: string,
    after: SubjectPage["next"] | undefined,
  ): SubjectPage;
  suspensions(): readonly Suspension[];
  suspensionsOf(who: readonly Standee[]): readonly FoundSuspension[];
  statusLists(): readonly string[];
  clientsOnStatusList(
    listUrl: string,
    after: number | undefined,
    limit: number,
  ): StatusListPage;
}

/** Everything that is read. */
export interface Reads extends AuditReader, LifecycleReader {
  findClient(clientId: string): RegisteredClient | undefined;
  findSpiffeClients(subject: string): readonly RegisteredClient[];
  countClients(): number;
  countClientsByRule(): ReadonlyMap<string, number>;
  readSigningKeys(): readonly SigningKey[];
  isTokenRevoked(tokenId: string): boolean;
  newestStatusList(name: string): number | undefined;
}

/** What a store reads; a database on this machine answers at once, one on a network later. */
export type StoreReader = {
  readonly [Name in keyof Reads]: (
    ...input: Parameters<Reads[Name]>
  ) => ReturnType<Reads[Name]> | Promise<ReturnType<Reads[Name]>>;
};

/**
 * Runs a read and gives its failures the store's own error.
 *
 * @throws {DcrError} `store_unavailable`
 */
export async function read<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof DcrError) throw cause;
    throw new DcrError("store_unavailable", "The store cannot be read.", {
      cause,
    });
  }
}

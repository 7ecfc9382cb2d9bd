import { DcrError } from "../errors.ts";
import type { StatusReference } from "./status-reference.ts";

/** What the status lists say of one credential, all of its entries taken together. */
export type StatusVerdict =
  | { readonly verdict: "valid" }
  | {
      /** `invalid`: a list came that cannot tell, as one that is signed by a stranger or has no such entry. */
      readonly verdict: "revoked" | "suspended" | "invalid" | "unavailable";
      /** For operators: which list, and what it says or why it cannot be read. */
      readonly reason: string;
    };

/**
 * Where the status of credentials is asked. One list serves every credential on it; asking costs nothing
 * while it is held, and waits for a fetch the first time.
 */
export interface CredentialStatuses {
  /**
   * Never rejects: a list that cannot be read makes the verdict `unavailable`.
   *
   * @param issuer - of the credential; a list that names no issuer of its own is this one's
   */
  check(
    issuer: string,
    references: readonly StatusReference[],
    now: number,
  ): Promise<StatusVerdict>;
  /** What the lists that are held say, for who only looks: nothing is fetched, and one not held is `unavailable`. */
  lastKnown(
    issuer: string,
    references: readonly StatusReference[],
    now: number,
  ): StatusVerdict;
}

/**
 * Refuses a credential that its issuer has withdrawn, or whose status cannot be told.
 *
 * @throws {DcrError} `credential_revoked`, `credential_suspended`, `status_list_invalid`,
 * `source_unavailable`
 * @see DCR-TI-12; STAT-12
 */
export async function requireGoodStatus(
  {
    issuer,
    status: references,
  }: {
    readonly issuer: string;
    readonly status: readonly StatusReference[];
  },
  statuses: CredentialStatuses | undefined,
  now: number,
): Promise<void> {
  if (references.length === 0) return;
  const outcome = await (statuses?.check(issuer, references, now) ?? {
    verdict: "unavailable" as const,
    reason: "the server reads no status lists",
  });
  switch (outcome.verdict) {
    case "valid":
      return;
    case "revoked":
      throw new DcrError(
        "credential_revoked",
        `the credential was revoked: ${outcome.reason}`,
      );
    case "suspended":
      throw new DcrError(
        "credential_suspended",
        `the credential is suspended: ${outcome.reason}`,
      );
    case "invalid":
      throw new DcrError(
        "status_list_invalid",
        `the credential's status cannot be told: ${outcome.reason}`,
      );
    case "unavailable":
      throw new DcrError(
        "source_unavailable",
        `the credential's status cannot be told now: ${outcome.reason}`,
      );
  }
}

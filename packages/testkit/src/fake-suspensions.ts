import type {
  FoundSuspension,
  Standee,
  Suspension,
  SuspensionTarget,
} from "@accredit/core/ports";
import type { RegisteredClient } from "@accredit/core/registration";
import { isTargetOf, withdrawnSubjects } from "@accredit/core/withdrawal";

/** The withdrawals in force of a store in memory. */
export class FakeSuspensions {
  readonly #held = new Map<string, FoundSuspension>();

  /** Sets one that withdraws this client, if any, and says whether anything changed, and since when it is in force. */
  set(
    suspension: Suspension,
    client: RegisteredClient | undefined,
  ): { readonly changed: boolean; readonly since: number } {
    const key = keyOf(suspension);
    const present = this.#held.get(key);
    const { since } = present ?? suspension;
    const changed = present?.reason !== suspension.reason;
    if (changed) {
      const whose = client && {
        trust: client.trust,
        subject: client.subject,
        softwareId: client.softwareId,
      };
      this.#held.set(key, { client: whose, ...present, ...suspension, since });
    }
    return { changed, since };
  }

  lift(target: SuspensionTarget): boolean {
    return this.#held.delete(keyOf(target));
  }

  all(): readonly Suspension[] {
    return [...this.#held.values()].map(({ scope, value, reason, since }) => ({
      scope,
      value,
      reason,
      since,
    }));
  }

  of(who: readonly Standee[]): readonly FoundSuspension[] {
    return [...this.#held.values()].filter((suspension) =>
      who.some(
        (each) =>
          isTargetOf(suspension, each) ||
          suspension.client?.subject === each.subject,
      ),
    );
  }

  /** Whether one hits this client, or some of those who share it. */
  hits(client: RegisteredClient): boolean {
    return [...this.#held.values()].some(
      (each) =>
        isTargetOf(each, client) ||
        (each.scope === "subject" &&
          withdrawnSubjects(each.value).has(client.subject)),
    );
  }
}

const keyOf = ({ scope, value }: SuspensionTarget): string =>
  `${scope} ${value}`;

import type { DcrErrorCode } from "../errors.ts";
import type { Standee, Suspension, SuspensionTarget } from "../ports.ts";
import { DcrError } from "../errors.ts";
import { parseSpiffeId, type TrustDomainName } from "../spiffe/id.ts";
import {
  matchesSpiffeIdPattern,
  parseSpiffeIdPattern,
} from "../spiffe/pattern.ts";
import type { TrustSource } from "../trust/index.ts";
import type { RegisteredClient } from "./client.ts";
import { findRule, type Policy, type PolicyRule } from "./policy.ts";

/** Why a client gets nothing at present. */
export interface Withdrawal {
  readonly code: Extract<
    DcrErrorCode,
    "registration_expired" | "registration_suspended" | "registration_withdrawn"
  >;
  readonly message: string;
}

/** What decides, beside the client's own record, whether it still stands. */
export interface StandingPorts {
  readonly trust: TrustSource;
  readonly policy: Policy;
  readonly suspensions: readonly Suspension[];
  /** Epoch seconds; a clock that leapt forward must not end leases, so not necessarily the wall clock. */
  readonly now: number;
  /** Epoch seconds: since when leases cannot be renewed and stand still; undefined where they run. */
  readonly leasesStillSince?: number | undefined;
}

/**
 * Why a registered client gets nothing now, undefined where it stands: its lease has ended, it is
 * suspended, or the trust or rule that let it in is gone (TOK-10, SEC-11).
 */
export function withdrawalOf(
  client: RegisteredClient,
  { trust, policy, suspensions, now, leasesStillSince = now }: StandingPorts,
): Withdrawal | undefined {
  const suspension = suspensions.find((each) => isTargetOf(each, client));
  if (suspension !== undefined) return suspended(suspension);
  if (!isTrusted(client, trust)) {
    return {
      code: "registration_withdrawn",
      message: "who vouched for the client is no longer trusted",
    };
  }
  const rule = policy.find(({ name }) => name === client.rule);
  if (rule === undefined) {
    return {
      code: "registration_withdrawn",
      message: "the policy rule that admitted the client is gone",
    };
  }
  if (!decidesOn(rule, client, policy)) {
    return {
      code: "registration_withdrawn",
      message:
        "the policy rule that admitted the client no longer decides on it",
    };
  }
  // A client outlives neither its lease nor the credential that vouches for it, whatever the lease says.
  const leaseEnds = client.leaseExpiresAt ?? Infinity;
  const credentialEnds =
    client.kind === "vc" ? client.credential.expiresAt : Infinity;
  if (leaseEnds < Math.min(now, leasesStillSince) || credentialEnds < now) {
    return {
      code: "registration_expired",
      message: "the registration has ended; register again",
    };
  }
  return undefined;
}

/** Whether the rule is still the one that a client comes by: it may be for others now, or come after another. */
function decidesOn(
  rule: PolicyRule,
  { kind, trust, subject }: RegisteredClient,
  policy: Policy,
): boolean {
  if (rule.registerAs?.uri === subject) return true;
  // The wildcard of a rule that shares no client any more: no SPIFFE ID, so nobody's.
  if (kind === "spiffe" && subject.endsWith("*")) return false;
  const spiffeId = kind === "spiffe" ? parseSpiffeId(subject) : undefined;
  return findRule(policy, { kind, trust, subject, spiffeId }) === rule;
}

/** The withdrawal that a suspension is to those whom it hits. */
export function suspended({ scope, reason }: Suspension): Withdrawal {
  return {
    code: "registration_suspended",
    message: `suspended by ${scope}${reason === "" ? "" : `: ${reason}`}`,
  };
}

/** Whether a withdrawal hits a client, or a credential that asks to be one. */
export function isTargetOf(target: SuspensionTarget, who: Standee): boolean {
  const { scope, value } = target;
  return (
    nameIn(scope, who) === value ||
    (scope === "subject" && matches(value, who.subject))
  );
}

/** Everything by which a withdrawal may name one of these, each once. */
export function targetsNaming(
  who: readonly Standee[],
): readonly SuspensionTarget[] {
  return (["trust", "rule", "subject", "client"] as const).flatMap((scope) => {
    const names = new Set(who.map((each) => nameIn(scope, each)));
    return [...names].flatMap((value) =>
      value === undefined ? [] : [{ scope, value }],
    );
  });
}

function nameIn(
  scope: SuspensionTarget["scope"],
  who: Standee,
): string | undefined {
  return scope === "client" ? who.clientId : who[scope];
}

/** A text that is no pattern, or no SPIFFE ID, matches by equality alone. */
function matches(pattern: string, subject: string): boolean {
  if (!pattern.includes("*") || !subject.startsWith("spiffe://")) return false;
  try {
    return matchesSpiffeIdPattern(
      parseSpiffeIdPattern(pattern),
      parseSpiffeId(subject),
    );
  } catch (error) {
    if (error instanceof DcrError) return false;
    throw error;
  }
}

function isTrusted(client: RegisteredClient, trust: TrustSource): boolean {
  return client.kind === "spiffe"
    ? trust.spiffe(client.trust as TrustDomainName) !== undefined
    : trust.credentialIssuer?.(client.trust) !== undefined;
}

import type { CheckResult } from "../credential/checks.ts";
import { DcrError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import type { TrustSource } from "../trust/index.ts";
import type { CredentialStatuses } from "../vc/credential-statuses.ts";
import type { Provenance } from "./client.ts";
import { attestationOf } from "./attestation.ts";
import { requireKeys } from "./propose.ts";
import { mergeMetadata } from "./merge.ts";
import { decide, findRule, matchRule, type RuleMatch } from "./policy.ts";
import type { Reason } from "./reason.ts";
import { noRuleMatches } from "./admission.ts";
import {
  requireLiving,
  readStatement,
  verifyStatement,
  type RegistrationSettings,
} from "./register.ts";

/** A dry run of a registration: every check and policy rule, its verdict and why. Changes nothing. */
export interface Explanation {
  readonly allowed: boolean;
  readonly checks: readonly CheckResult[];
  /** Every rule up to the one that decides. */
  readonly rules: readonly RuleMatch[];
  readonly reasons: readonly Reason[];
  /** The metadata the client would get, refused or not; undefined where it did not get that far. */
  readonly metadata?: Readonly<Record<string, JsonValue>>;
  readonly provenance?: Readonly<Record<string, Provenance>>;
}

/** What explaining needs of the world; nothing is written to it. */
export interface ExplainPorts {
  /** Epoch seconds. */
  readonly now: number;
  readonly trust: TrustSource;
  readonly statuses?: CredentialStatuses | undefined;
}

/**
 * Explains what {@link register} would do with this body: the same stages through the same code, with
 * nothing stored and no audit row. Resolves for a refusal; rejects only for a fault.
 */
export async function explainRegistration(
  body: JsonObject,
  settings: RegistrationSettings,
  { now, trust, statuses }: ExplainPorts,
): Promise<Explanation> {
  const checks: CheckResult[] = [];
  const refused = (
    reasons: readonly Reason[],
    more: Partial<Explanation> = {},
  ): Explanation => ({
    allowed: false,
    checks,
    rules: [],
    reasons,
    ...more,
  });
  try {
    const statement = readStatement(body);
    const credential = await verifyStatement(
      statement,
      settings,
      trust,
      now,
      (check) => checks.push(check),
    );

    const attestation = attestationOf(credential);
    const deciding = findRule(settings.policy, attestation);
    const considered = settings.policy.slice(
      0,
      deciding && settings.policy.indexOf(deciding) + 1,
    );
    const rules = considered.map((rule) => matchRule(rule, attestation));
    if (deciding === undefined)
      return refused([noRuleMatches(attestation)], { rules });

    await requireLiving(credential, { trust, statuses }, now);
    const proposed = mergeMetadata(attestation, body, deciding, settings);
    const decision = decide(deciding, proposed, settings);
    const { metadata, provenance } = proposed;
    if (decision.allow && credential.kind === "vc") {
      await requireKeys(decision);
      if (credential.confirmationJwk !== undefined)
        checks.push({
          check: "possession",
          verdict: "pass",
          detail:
            "the request itself has to prove the key that the credential names",
          requirement: "VC-14",
        });
    }
    return decision.allow
      ? { allowed: true, checks, rules, reasons: [], metadata, provenance }
      : refused(decision.reasons, { rules, metadata, provenance });
  } catch (error) {
    if (!(error instanceof DcrError)) throw error;
    return refused([
      { code: error.code, field: "software_statement", message: error.message },
    ]);
  }
}

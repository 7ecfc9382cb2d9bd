import type { JsonValue } from "../json/index.ts";
import { fieldProblem, isMetadataField } from "./fields.ts";
import { denials, type PolicyRule } from "./policy.ts";
import { impossiblePlaceholders, isLiteral } from "./template.ts";

/** One thing wrong with a rule, and where in it: `template.scope`, `attested_only[0]`. */
export interface RuleProblem {
  readonly path: string;
  readonly problem: string;
  readonly expected: string;
}

/**
 * Checks what a rule's own text can be checked for, at configuration time: names that exist, placeholders
 * that mean something, template values that are well-formed and that the rule itself would allow.
 */
export function checkPolicyRule(rule: PolicyRule): readonly RuleProblem[] {
  const problems: RuleProblem[] = [];
  const { trust, subject } = rule.match;
  // A pattern of another trust domain is a mistake of its own and says nothing about path segments.
  const subjects = subject.trustDomain === trust ? subject : undefined;
  for (const [index, name] of rule.attestedOnly.entries()) {
    if (!isMetadataField(name)) {
      problems.push({
        path: `attested_only[${index}]`,
        problem: `no such metadata: ${name}`,
        expected: "a client metadata name",
      });
    }
  }
  for (const [name, value] of Object.entries(rule.template)) {
    const path = `template.${name}`;
    if (!isMetadataField(name) || name === "spiffe_id") {
      problems.push({
        path,
        problem: `no template can give ${name}`,
        expected: "a client metadata name",
      });
      continue;
    }
    for (const placeholder of impossiblePlaceholders(value, subjects)) {
      problems.push({
        path,
        problem: `${placeholder} means nothing here`,
        expected:
          "{trust_domain}, {spiffe_id}, {path} or {path[N]}, N counting the path segments of match.subject from 0",
      });
    }
    if (!isLiteral(value)) continue;
    const mismatch = fieldProblem(name, value);
    if (mismatch !== undefined)
      problems.push({
        path,
        problem: JSON.stringify(value),
        expected: mismatch.expected,
      });
  }
  return problems.length > 0 ? problems : disallowedByItself(rule);
}

/** A template whose own rule would refuse it refuses every client that needs it. */
function disallowedByItself(rule: PolicyRule): readonly RuleProblem[] {
  const literal: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(rule.template))
    if (isLiteral(value)) literal[name] = value;
  const reasons = denials(rule, literal, {
    supportedGrantTypes: rule.allow.grantTypes,
    supportedAuthMethods: rule.allow.tokenEndpointAuthMethods,
  });
  const seen = new Map(reasons.map(({ field, message }) => [field, message]));
  return [...seen].map(([field, message]) => ({
    path: `template.${field}`,
    problem: message,
    expected: "values that the rule's own allow lists hold",
  }));
}

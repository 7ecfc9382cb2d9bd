import type { SpiffeIdWildcard } from "../spiffe/wildcard.ts";
import { crossFieldProblems } from "./cross-field.ts";
import { defaultsFor } from "./defaults.ts";
import { fieldKey, fieldProblem, isMetadataField } from "./fields.ts";
import { denials, type PolicyRule, type ServerCapabilities } from "./policy.ts";
import { impossiblePlaceholders, isLiteral } from "./template.ts";

/** One thing wrong with a rule, and where in it: `template.scope`, `attested_only[0]`. */
export interface RuleProblem {
  readonly path: string;
  readonly problem: string;
  readonly expected: string;
}

type CertificateBinding = Pick<
  ServerCapabilities,
  "supportsCertificateBoundTokens"
>;

/**
 * Checks what a rule's own text can be checked for, at configuration time: names that exist, placeholders
 * that mean something, template values that are well-formed and that the rule itself would allow. Of the
 * server it takes for granted that it supports every grant type and method the rule lists.
 */
export function checkPolicyRule(
  rule: PolicyRule,
  server: CertificateBinding = {},
): readonly RuleProblem[] {
  const problems: RuleProblem[] = [];
  const { trust, subject } = rule.match;
  // A pattern of another trust domain is a mistake of its own and says nothing about path segments.
  const subjects =
    "segments" in subject && subject.trustDomain !== trust
      ? undefined
      : subject;
  for (const [index, name] of rule.attestedOnly.entries()) {
    if (!isMetadataField(name)) {
      problems.push({
        path: `attested_only[${index}]`,
        problem: `no such metadata: ${name}`,
        expected: "a client metadata name",
      });
    }
  }
  if (rule.registerAs !== undefined && !coversAll(rule.registerAs, subject)) {
    problems.push({
      path: "register_as",
      problem: `does not cover every subject of ${subject.text}`,
      expected: "a wildcard whose path match.subject begins with",
    });
  }
  const keys = new Set<string>();
  for (const [name, value] of Object.entries(rule.template)) {
    const path = `template.${name}`;
    if (keys.has(fieldKey(name))) {
      problems.push({
        path,
        problem: "the language is there already, in other letters",
        expected: "each language once",
      });
    }
    keys.add(fieldKey(name));
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
          "segments" in subject
            ? "{trust_domain}, {spiffe_id}, {path} or {path[N]}, N counting the path segments of match.subject from 0"
            : "{issuer} or {subject}",
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
  return problems.length > 0 ? problems : disallowedByItself(rule, server);
}

/** Whether whatever the pattern stands for is below the wildcard's path. */
function coversAll(
  wildcard: SpiffeIdWildcard,
  pattern: PolicyRule["match"]["subject"],
): boolean {
  const path = wildcard.uri.slice(0, -1);
  return (
    "segments" in pattern &&
    pattern.text.startsWith(path) &&
    pattern.text.length > path.length
  );
}

/**
 * A template whose own rule would refuse it refuses every client that needs it. Judged as for a client that
 * gives nothing itself.
 */
function disallowedByItself(
  rule: PolicyRule,
  binding: CertificateBinding,
): readonly RuleProblem[] {
  const template = new Map(Object.entries(rule.template));
  const open = new Set(
    [...template.keys()].filter((name) => !isLiteral(rule.template[name])),
  );
  const server = {
    supportedGrantTypes: rule.allow.grantTypes,
    supportedAuthMethods: rule.allow.tokenEndpointAuthMethods,
    ...binding,
  };
  const metadata = Object.fromEntries([
    ...template,
    ...defaultsFor(
      (name) => template.get(name),
      "segments" in rule.match.subject ? "spiffe" : "vc",
      rule,
      server,
    ),
  ]);
  const reasons = [
    ...crossFieldProblems(metadata, server, open),
    ...denials(rule, metadata, server),
  ].filter(({ field }) => template.has(field) && !open.has(field));
  const seen = new Map(reasons.map(({ field, message }) => [field, message]));
  return [...seen].map(([field, message]) => ({
    path: `template.${field}`,
    problem: message,
    expected: "values that the rule itself would allow, all of them together",
  }));
}

import { checkPolicyRule } from "@accredit/core/registration";
import { DEFAULT_REFRESH_LIMITS } from "@accredit/core/trust";
import { parseSpiffeIdPattern } from "@accredit/core/spiffe";
import { buildRule } from "./build.ts";
import type { Parts } from "./parts.ts";
import { printable, type KeyPath } from "./problem.ts";
import { isLoopbackHost } from "./values.ts";

const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** A problem between keys, at the key that is easiest to change. */
export interface RuleViolation {
  readonly path: KeyPath;
  readonly problem: string;
  readonly expected: string;
}

/** What is wrong between keys that are each well-formed. */
export function* crossRuleProblems(parts: Parts): Iterable<RuleViolation> {
  yield* listeners(parts);
  yield* mutualTls(parts);
  yield* audiences(parts);
  yield* trustDomains(parts);
  for (const [index, entry] of parts.trust.entries()) {
    if (entry !== undefined) yield* trustEntry(["trust", index], entry);
  }
  yield* policyNames(parts);
  for (const [index, rule] of parts.policy.entries()) {
    if (rule !== undefined) yield* policyRule(["policy", index], rule, parts);
  }
}

function* listeners({ listen, admin }: Parts): Iterable<RuleViolation> {
  if (admin === undefined) return;
  if (!isLoopbackHost(admin.host) && admin.token_file === undefined) {
    yield {
      path: ["admin", "token_file"],
      problem: `missing, while admin.host '${admin.host}' is not a loopback address`,
      expected: "a file with a bearer token, or a loopback host",
    };
  }
  if (
    listen !== undefined &&
    admin.port !== 0 &&
    admin.port === listen.port &&
    overlap(admin.host, listen.host)
  ) {
    yield {
      path: ["admin", "port"],
      problem: `is ${admin.port}, as listen.port is`,
      expected: "another port or host than the public listener's",
    };
  }
}

function* mutualTls({
  mutualTls: section,
  listen,
  admin,
}: Parts): Iterable<RuleViolation> {
  if (section === undefined) return;
  const { tls, base_url, proxies, host, port } = section;
  if (tls !== undefined && base_url === undefined) {
    yield {
      path: ["mutual_tls", "base_url"],
      problem: "missing, while mutual_tls.tls opens a listener",
      expected: "the https origin where clients reach that listener",
    };
  }
  if (
    base_url !== undefined &&
    tls === undefined &&
    proxies.length === 0 &&
    listen !== undefined &&
    listen.tls === undefined
  ) {
    yield {
      path: ["mutual_tls", "base_url"],
      problem:
        "names endpoints that no listener or proxy takes certificates at",
      expected:
        "mutual_tls.tls or mutual_tls.proxies beside it, or no such key",
    };
  }
  for (const [index, { addresses }] of proxies.entries()) {
    if (addresses.length > 0) continue;
    yield {
      path: ["mutual_tls", "proxies", index, "addresses"],
      problem: "is empty, which is no proxy",
      expected: "at least one address",
    };
  }
  if (tls === undefined || port === 0) return;
  for (const [key, other] of [
    ["listen", listen],
    ["admin", admin],
  ] as const) {
    if (other === undefined || other.port !== port) continue;
    if (!overlap(host, other.host)) continue;
    yield {
      path: ["mutual_tls", "port"],
      problem: `is ${port}, as ${key}.port is`,
      expected: "another port or host than the other listeners'",
    };
  }
}

/** Whether two hosts may be one address; a wildcard is every one. */
function overlap(one: string, other: string): boolean {
  return one === other || [one, other].some((each) => WILDCARDS.has(each));
}

/** A statement for registration must be no client assertion: there the issuer is the audience (SEC-04). */
function* audiences({ issuer, registration }: Parts): Iterable<RuleViolation> {
  for (const [index, value] of (registration?.audiences ?? []).entries()) {
    if (value !== issuer) continue;
    yield {
      path: ["registration", "audiences", index],
      problem: "is the issuer identifier",
      expected:
        "another value: the issuer is the audience of client assertions",
    };
  }
}

function* trustDomains({ trust }: Parts): Iterable<RuleViolation> {
  const names = trust.map((entry) => entry?.trust_domain);
  for (const { index, first } of repeats(names)) {
    yield {
      path: ["trust", index, "trust_domain"],
      problem: `is the same as trust[${first}].trust_domain`,
      expected: "each trust domain once",
    };
  }
}

type TrustEntry = NonNullable<Parts["trust"][number]>;

function* trustEntry(
  path: KeyPath,
  { iss, bundle }: TrustEntry,
): Iterable<RuleViolation> {
  if (iss.mode !== "ignore" && iss.values?.length === 0) {
    yield {
      path: [...path, "iss", "values"],
      problem: "is empty, which refuses every iss",
      expected: "at least one value, or none of this key for the default",
    };
  }
  const at = [...path, "bundle"];
  if ((bundle.file === undefined) === (bundle.url === undefined)) {
    yield {
      path: at,
      problem:
        bundle.file === undefined
          ? "has neither file nor url"
          : "has both file and url",
      expected: "a file, or a url with profile https_web",
    };
    return;
  }
  if (bundle.url !== undefined) {
    if (bundle.profile === undefined) {
      yield {
        path: [...at, "profile"],
        problem: "missing",
        expected: "https_web",
      };
    }
  } else {
    for (const key of [
      "profile",
      "ca_file",
      "allow_private_addresses",
      "refresh_floor",
      "refresh_ceiling",
    ] as const) {
      if (bundle[key] === undefined) continue;
      yield {
        path: [...at, key],
        problem: "belongs to a url",
        expected: "no such key beside a file",
      };
    }
    return;
  }
  const floor = bundle.refresh_floor ?? DEFAULT_FLOOR_SECONDS;
  const ceiling = bundle.refresh_ceiling ?? DEFAULT_CEILING_SECONDS;
  if (floor > ceiling) {
    yield {
      path: [
        ...at,
        bundle.refresh_floor === undefined
          ? "refresh_ceiling"
          : "refresh_floor",
      ],
      problem: `makes the shortest time between polls ${floor}s and the longest ${ceiling}s`,
      expected: `refresh_floor to be at most refresh_ceiling (${DEFAULT_FLOOR_SECONDS}s and ${DEFAULT_CEILING_SECONDS}s where left out)`,
    };
  }
}

const {
  floorSeconds: DEFAULT_FLOOR_SECONDS,
  ceilingSeconds: DEFAULT_CEILING_SECONDS,
} = DEFAULT_REFRESH_LIMITS;

function* policyNames({ policy }: Parts): Iterable<RuleViolation> {
  for (const { index, first } of repeats(policy.map((rule) => rule?.name))) {
    yield {
      path: ["policy", index, "name"],
      problem: `is the same as policy[${first}].name`,
      expected: "each name once",
    };
  }
}

type PolicyEntry = NonNullable<Parts["policy"][number]>;

function* policyRule(
  path: KeyPath,
  rule: PolicyEntry,
  parts: Parts,
): Iterable<RuleViolation> {
  const { trust } = parts;
  const sources = trust.map((entry) => entry?.trust_domain);
  // An entry that is not sound may be the one that is meant.
  if (!sources.includes(rule.match.trust) && !sources.includes(undefined)) {
    yield {
      path: [...path, "match", "trust"],
      problem: `is '${rule.match.trust}', which trust does not name`,
      expected: `one of ${sources.join(", ") || "the trust domains in trust"}`,
    };
  }
  const { trustDomain } = parseSpiffeIdPattern(rule.match.subject);
  if (trustDomain !== rule.match.trust) {
    yield {
      path: [...path, "match", "subject"],
      problem: `is in trust domain ${trustDomain}`,
      expected: `the trust domain of match.trust, ${rule.match.trust}`,
    };
  }
  for (const { path: key, problem, expected } of checkPolicyRule(
    buildRule(rule),
    { supportsCertificateBoundTokens: takesCertificates(parts) },
  )) {
    yield {
      path: [...path, ...splitPath(key)],
      problem: printable(problem),
      expected: printable(expected),
    };
  }
}

/** Whether client certificates may reach the server; a section that is not sound may be what brings them. */
function takesCertificates({ listen, mutualTls: section }: Parts): boolean {
  return (
    section === undefined ||
    section.tls !== undefined ||
    section.proxies.length > 0 ||
    listen === undefined ||
    (listen.tls !== undefined && listen.tls.client_certificates !== false)
  );
}

/** Reads `attested_only[0]` and `template.scope` as parts of a path. */
function splitPath(path: string): KeyPath {
  const [, key = path, index, name] =
    /^([a-z_]+)(?:\[(\d+)\]|\.(.*))?$/s.exec(path) ?? [];
  if (index !== undefined) return [key, Number(index)];
  return name === undefined ? [key] : [key, name];
}

function* repeats(
  values: readonly (string | undefined)[],
): Iterable<{ index: number; first: number }> {
  for (const [index, value] of values.entries()) {
    const first = values.indexOf(value);
    if (value !== undefined && first < index) yield { index, first };
  }
}

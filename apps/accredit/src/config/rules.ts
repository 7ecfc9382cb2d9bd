import { checkPolicyRule } from "@accredit/core/registration";
import { DEFAULT_REFRESH_LIMITS } from "@accredit/core/trust";
import { DcrError } from "@accredit/core/errors";
import { parseSpiffeId, parseSpiffeIdPattern } from "@accredit/core/spiffe";
import { buildRule } from "./build.ts";
import type { Parts } from "./parts.ts";
import { printable, type KeyPath } from "./problem.ts";
import { isCredentialIssuer, isLoopbackHost } from "./values.ts";

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
  yield* database(parts);
  yield* audiences(parts);
  yield* trustDomains(parts);
  for (const [index, entry] of parts.trust.entries()) {
    if (entry !== undefined) yield* trustEntry(["trust", index], entry, parts);
  }
  yield* policyRepeats(parts);
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

function* database({ store }: Parts): Iterable<RuleViolation> {
  if (store?.password_file !== undefined && store.url.startsWith("sqlite:"))
    yield {
      path: ["store", "password_file"],
      problem: "is set, while store.url names a file, which has no password",
      expected: "no password_file, or a postgres:// URL",
    };
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
  for (const { index, first } of repeats(trust.map(nameOf))) {
    const key = trust[index]?.kind === "vc" ? "issuer" : "trust_domain";
    yield {
      path: ["trust", index, key],
      problem: `is the same as trust[${first}].${key}`,
      expected:
        key === "issuer" ? "each issuer once" : "each trust domain once",
    };
  }
}

type TrustEntry = NonNullable<Parts["trust"][number]>;
type SpiffeEntry = Extract<TrustEntry, { readonly kind: "spiffe" }>;
type CredentialEntry = Extract<TrustEntry, { readonly kind: "vc" }>;

/** What policy rules call an entry by; undefined for one that is not sound. */
function nameOf(entry: TrustEntry | undefined): string | undefined {
  return entry?.kind === "vc" ? entry.issuer : entry?.trust_domain;
}

function* trustEntry(
  path: KeyPath,
  entry: TrustEntry,
  parts: Parts,
): Iterable<RuleViolation> {
  if (entry.kind === "vc") {
    yield* credentialEntry(path, entry);
    return;
  }
  const { iss, bundle } = entry;
  if (iss.mode !== "ignore" && iss.values?.length === 0) {
    yield {
      path: [...path, "iss", "values"],
      problem: "is empty, which refuses every iss",
      expected: "at least one value, or none of this key for the default",
    };
  }
  yield* bundleSource([...path, "bundle"], bundle, entry, parts);
}

const BUNDLE_SOURCES = ["file", "url", "workload_api"] as const;
const POLLING = [
  "allow_private_addresses",
  "refresh_floor",
  "refresh_ceiling",
] as const;
/** The keys that go with each kind of bundle source. */
const BUNDLE_KEYS = {
  file: [],
  workload_api: [],
  https_web: ["profile", "ca_file", ...POLLING],
  https_spiffe: ["profile", "endpoint_spiffe_id", "bootstrap_file", ...POLLING],
} as const;

function* bundleSource(
  at: KeyPath,
  bundle: SpiffeEntry["bundle"],
  entry: SpiffeEntry,
  parts: Parts,
): Iterable<RuleViolation> {
  const sources = BUNDLE_SOURCES.filter((key) => bundle[key] !== undefined);
  const [source] = sources;
  if (source === undefined || sources.length > 1) {
    yield {
      path: at,
      problem:
        source === undefined
          ? "has neither file, url nor workload_api"
          : `has ${sources.join(" and ")}`,
      expected: "a file, a url with its profile, or a workload_api",
    };
    return;
  }
  if (source === "url" && bundle.profile === undefined) {
    yield {
      path: [...at, "profile"],
      problem: "missing",
      expected: "https_web or https_spiffe",
    };
    return;
  }
  const kind = source === "url" ? (bundle.profile ?? "https_web") : source;
  const fitting: readonly string[] = [source, ...BUNDLE_KEYS[kind]];
  for (const [key, value] of Object.entries(bundle)) {
    if (value === undefined || fitting.includes(key)) continue;
    yield {
      path: [...at, key],
      problem: `does not belong to ${source === "url" ? `profile ${kind}` : `a ${source}`}`,
      expected: `no such key beside ${source}`,
    };
  }
  yield* polling(at, bundle);
  if (kind === "https_spiffe") yield* spiffeEndpoint(at, bundle, entry, parts);
}

function* spiffeEndpoint(
  at: KeyPath,
  { endpoint_spiffe_id: id, bootstrap_file: bootstrap }: SpiffeEntry["bundle"],
  entry: SpiffeEntry,
  { trust }: Parts,
): Iterable<RuleViolation> {
  if (id === undefined) {
    yield {
      path: [...at, "endpoint_spiffe_id"],
      problem: "missing",
      expected: "the SPIFFE ID of the endpoint, as its certificate names it",
    };
    return;
  }
  const { trustDomain } = parseSpiffeId(id);
  if (bootstrap === undefined && !canBegin(entry, trust)) {
    yield {
      path: [...at, "bootstrap_file"],
      problem: "missing",
      expected: `a file with a bundle of ${trustDomain}, or an entry of trust for ${trustDomain} whose source does not come back to this one`,
    };
  }
}

/**
 * Whether the bundle that an `https_spiffe` endpoint is verified with can come from anywhere: each such
 * endpoint leads to the entry of its own trust domain, and a circle without a bootstrap file never begins.
 */
function canBegin(entry: SpiffeEntry, trust: Parts["trust"]): boolean {
  // What is not sound there is told of itself; it may be the entry that is missing here.
  if (trust.includes(undefined)) return true;
  const seen = new Set<SpiffeEntry>();
  let next: SpiffeEntry | undefined = entry;
  while (next !== undefined && !seen.has(next)) {
    seen.add(next);
    const { profile, bootstrap_file, endpoint_spiffe_id: id } = next.bundle;
    if (profile !== "https_spiffe" || bootstrap_file !== undefined) return true;
    if (id === undefined) return true;
    const { trustDomain } = parseSpiffeId(id);
    next = trust.find(
      (each): each is SpiffeEntry =>
        each?.kind === "spiffe" && each.trust_domain === trustDomain,
    );
  }
  return false;
}

const KEY_SOURCES = [
  "jwks_file",
  "jwks_uri",
  "metadata",
  "did",
  "x5c_roots_file",
] as const;

function* credentialEntry(
  path: KeyPath,
  { issuer, keys, types }: CredentialEntry,
): Iterable<RuleViolation> {
  const at = [...path, "keys"];
  const sources = KEY_SOURCES.filter((key) => keys[key] !== undefined);
  if (sources.length !== 1) {
    yield {
      path: at,
      problem:
        sources.length === 0
          ? "says no source of keys"
          : `has ${sources.join(" and ")}`,
      expected: `one of ${KEY_SOURCES.join(", ")}`,
    };
  }
  const isDid = issuer.startsWith("did:");
  if (keys.did === true && !/^did:(web|jwk|key):/.test(issuer)) {
    yield {
      path: [...at, "did"],
      problem: `is true, while the issuer is ${isDid ? "a DID of another method" : "a URL"}`,
      expected: "an issuer of did:web, did:jwk or did:key",
    };
  }
  if (keys.metadata === true && isDid) {
    yield {
      path: [...at, "metadata"],
      problem: "is true, while the issuer is a DID",
      expected: "an issuer that is an https URL",
    };
  }
  if (types?.length === 0) {
    yield {
      path: [...path, "types"],
      problem: "is empty, which refuses every credential",
      expected: "at least one type",
    };
  }
  yield* polling(at, keys);
}

function* polling(
  at: KeyPath,
  keys: Pick<SpiffeEntry["bundle"], "refresh_floor" | "refresh_ceiling">,
): Iterable<RuleViolation> {
  const floor = keys.refresh_floor ?? DEFAULT_FLOOR_SECONDS;
  const ceiling = keys.refresh_ceiling ?? DEFAULT_CEILING_SECONDS;
  if (floor <= ceiling) return;
  yield {
    path: [
      ...at,
      keys.refresh_floor === undefined ? "refresh_ceiling" : "refresh_floor",
    ],
    problem: `makes the shortest time between polls ${floor}s and the longest ${ceiling}s`,
    expected: `refresh_floor to be at most refresh_ceiling (${DEFAULT_FLOOR_SECONDS}s and ${DEFAULT_CEILING_SECONDS}s where left out)`,
  };
}

const {
  floorSeconds: DEFAULT_FLOOR_SECONDS,
  ceilingSeconds: DEFAULT_CEILING_SECONDS,
} = DEFAULT_REFRESH_LIMITS;

function* policyRepeats({ policy }: Parts): Iterable<RuleViolation> {
  for (const { index, first } of repeats(policy.map((rule) => rule?.name))) {
    yield {
      path: ["policy", index, "name"],
      problem: `is the same as policy[${first}].name`,
      expected: "each name once",
    };
  }
  const wildcards = policy.map((rule) => rule?.register_as);
  for (const { index, first } of repeats(wildcards)) {
    yield {
      path: ["policy", index, "register_as"],
      problem: `is the same as policy[${first}].register_as`,
      expected: "a client that one rule decides on",
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
  const sources = trust.map(nameOf);
  // An entry that is not sound may be the one that is meant.
  if (!sources.includes(rule.match.trust) && !sources.includes(undefined)) {
    yield {
      path: [...path, "match", "trust"],
      problem: `is '${rule.match.trust}', which trust does not name`,
      expected: `one of ${sources.join(", ") || "the trust domains in trust"}`,
    };
  }
  if (!isCredentialIssuer(rule.match.trust)) {
    const problem = patternProblem(rule.match);
    if (problem !== undefined) {
      yield { path: [...path, "match", "subject"], ...problem };
      // Without its subjects nothing else of the rule can be judged.
      return;
    }
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

function patternProblem({
  trust,
  subject,
}: PolicyEntry["match"]): Omit<RuleViolation, "path"> | undefined {
  let trustDomain: string;
  try {
    ({ trustDomain } = parseSpiffeIdPattern(subject));
  } catch (error) {
    if (!(error instanceof DcrError)) throw error;
    return {
      problem: `is '${printable(subject)}'`,
      expected:
        "a SPIFFE ID in which a whole path segment may be *, and the last one **",
    };
  }
  if (trustDomain === trust) return undefined;
  return {
    problem: `is in trust domain ${trustDomain}`,
    expected: `the trust domain of match.trust, ${trust}`,
  };
}

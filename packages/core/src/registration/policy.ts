import type { JsonValue } from "../json/index.ts";
import {
  matchesSpiffeIdPattern,
  type SpiffeIdPattern,
} from "../spiffe/pattern.ts";
import type { SpiffeId } from "../spiffe/id.ts";
import { coversSpiffeId, type SpiffeIdWildcard } from "../spiffe/wildcard.ts";
import type { Attestation } from "./attestation.ts";
import type { ClientAuthMethod, ClientMetadata } from "./client.ts";
import type { ProposedMetadata } from "./merge.ts";
import { quoted, reason, type Reason } from "./reason.ts";
import { withoutLoopbackPort } from "./redirect-uri.ts";

/** What a rule lets a client have. An empty list allows nothing of its kind (X10). */
export interface PolicyAllowance {
  readonly grantTypes: readonly string[];
  readonly scopes: readonly string[];
  /** RFC 8707 resource identifiers, compared byte for byte. */
  readonly resources: readonly string[];
  /** Redirect URIs, compared byte for byte; an http one on a loopback address matches any port. */
  readonly redirectUris: readonly string[];
  readonly tokenEndpointAuthMethods: readonly ClientAuthMethod[];
}

/** The subjects of Verifiable Credentials that a rule is for. */
export interface CredentialSubject {
  /** Compared byte for byte; `*` for whoever the issuer vouches for. */
  readonly text: string;
}

/** One rule of the policy. The first whose `match` holds decides; no rule: refused. */
export interface PolicyRule {
  readonly name: string;
  readonly match: {
    /** A trust domain name, or the issuer of a Verifiable Credential. */
    readonly trust: string;
    readonly subject: SpiffeIdPattern | CredentialSubject;
  };
  readonly allow: PolicyAllowance;
  /** Metadata names that the request body may not supply. */
  readonly attestedOnly: readonly string[];
  /** Values for what neither statement nor body gives; `{path[2]}` and the like are filled in. */
  readonly template: Readonly<Record<string, JsonValue>>;
  /**
   * Registers one client for every SPIFFE ID that it covers, instead of one for each; undefined: one for
   * each. The token then names the instance.
   */
  readonly registerAs?: SpiffeIdWildcard | undefined;
  /** How long a registration lasts unless it is renewed, in seconds; undefined: until it is withdrawn. */
  readonly leaseSeconds?: number | undefined;
  /** How many clients the rule admits; undefined: any number. */
  readonly maxClients?: number | undefined;
  /** What its clients may learn of others' tokens at the introspection endpoint. */
  readonly introspect: "own" | "any";
}

export type Policy = readonly PolicyRule[];

/** What the server can do, whatever a rule allows. */
export interface ServerCapabilities {
  readonly supportedGrantTypes: readonly string[];
  readonly supportedAuthMethods: readonly ClientAuthMethod[];
  /** Whether a listener takes client certificates, RFC 8705 section 3; absent: no. */
  readonly supportsCertificateBoundTokens?: boolean;
}

/** Denial is an ordinary answer, so it is a value, with every reason at once. */
export type Decision =
  | {
      readonly allow: true;
      readonly rule: PolicyRule;
      readonly metadata: ClientMetadata;
      readonly provenance: ProposedMetadata["provenance"];
    }
  | {
      readonly allow: false;
      readonly rule: PolicyRule;
      readonly reasons: readonly Reason[];
    };

/** How one rule's `match` went; `explain` lists these. */
export interface RuleMatch {
  readonly rule: string;
  readonly matched: boolean;
  readonly why: string;
}

/** Of what is attested, what rules are chosen by. */
export type AttestedSubject = Pick<
  Attestation,
  "kind" | "trust" | "subject" | "spiffeId"
>;

/** Why a rule does or does not apply to what is attested. */
export function matchRule(
  rule: PolicyRule,
  attestation: AttestedSubject,
): RuleMatch {
  const { trust, subject: pattern } = rule.match;
  const isSpiffe = "segments" in pattern;
  if (
    trust !== attestation.trust ||
    isSpiffe !== (attestation.kind === "spiffe")
  ) {
    return {
      rule: rule.name,
      matched: false,
      why: `it is for ${isSpiffe ? "trust domain" : "issuer"} ${trust}`,
    };
  }
  const { spiffeId, subject } = attestation;
  const matched = isSpiffe
    ? spiffeId !== undefined && matchesSpiffeIdPattern(pattern, spiffeId)
    : pattern.text === "*" || pattern.text === subject;
  return {
    rule: rule.name,
    matched,
    why: `the subject ${matched ? "matches" : "does not match"} ${pattern.text}`,
  };
}

/** The first rule whose match holds. */
export function findRule(
  policy: Policy,
  attestation: AttestedSubject,
): PolicyRule | undefined {
  return policy.find((rule) => matchRule(rule, attestation).matched);
}

/**
 * The subjects whose clients a SPIFFE ID may be: its own first, then the wildcard that the rule which decides on
 * it registers it under. A wildcard that merely covers it is not enough: the rule may be for others, or an
 * earlier one may have less for it.
 */
export function clientSubjects(
  policy: Policy,
  id: SpiffeId,
): readonly string[] {
  const rule = findRule(policy, {
    kind: "spiffe",
    trust: id.trustDomain,
    subject: id.uri,
    spiffeId: id,
  });
  const wildcard = rule?.registerAs;
  return wildcard !== undefined && coversSpiffeId(wildcard, id)
    ? [id.uri, wildcard.uri]
    : [id.uri];
}

/** Decides whether a rule lets a client have what is proposed, with every reason against it. */
export function decide(
  rule: PolicyRule,
  proposed: ProposedMetadata,
  server: ServerCapabilities,
): Decision {
  const reasons = [
    ...proposed.problems,
    // A rule has nothing to say on a value that is none.
    ...denials(rule, proposed.metadata, server).filter(
      ({ field }) => !proposed.illFormed.has(field),
    ),
  ];
  if (reasons.length > 0) return { allow: false, rule, reasons };
  // Every member has passed its field's check, so the merged object is what the type says.
  const metadata = proposed.metadata as object as ClientMetadata;
  return { allow: true, rule, metadata, provenance: proposed.provenance };
}

/** What of the metadata a rule or the server does not allow. */
export function denials(
  { name, allow }: PolicyRule,
  metadata: ProposedMetadata["metadata"],
  server: ServerCapabilities,
): readonly Reason[] {
  const rule = `policy rule ${name}`;
  const values = (field: string): readonly string[] =>
    stringsOf(metadata[field]);
  const scopes = values("scope").flatMap((scope) => scope.split(" "));
  return [
    ...refused(
      "grant_types",
      values("grant_types"),
      server.supportedGrantTypes,
      "this server",
    ),
    ...refused("grant_types", values("grant_types"), allow.grantTypes, rule),
    ...refused(
      "token_endpoint_auth_method",
      values("token_endpoint_auth_method"),
      server.supportedAuthMethods,
      "this server",
    ),
    ...refused(
      "token_endpoint_auth_method",
      values("token_endpoint_auth_method"),
      allow.tokenEndpointAuthMethods,
      rule,
    ),
    ...refused("scope", scopes, allow.scopes, rule),
    ...refused(
      "redirect_uris",
      values("redirect_uris"),
      allow.redirectUris,
      rule,
      allowsRedirect,
    ),
  ];
}

/** One reason where some of the values are not allowed, none where all are. */
function* refused(
  field: string,
  values: readonly string[],
  allowed: readonly string[],
  by: string,
  allows = (list: readonly string[], value: string) => list.includes(value),
): Iterable<Reason> {
  const others = values.filter((value) => !allows(allowed, value));
  if (others.length === 0) return;
  yield reason(
    field === "redirect_uris" ? "redirect_uri_invalid" : "metadata_invalid",
    field,
    `${by} allows ${quoted(allowed)}, got ${quoted(others)}`,
  );
}

/** Byte for byte, but for the port of a loopback address. */
function allowsRedirect(allowed: readonly string[], uri: string): boolean {
  const wanted = withoutLoopbackPort(uri);
  return allowed.some((entry) => withoutLoopbackPort(entry) === wanted);
}

/** The strings of a value that is one or a list of them; what is neither was reported already. */
function stringsOf(value: JsonValue | undefined): readonly string[] {
  const values: readonly (JsonValue | undefined)[] = Array.isArray(value)
    ? value
    : [value];
  return values.filter((item) => typeof item === "string");
}

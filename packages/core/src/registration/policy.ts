import type { SpiffeIdPattern } from "../spiffe/pattern.ts";
import type { SpiffeId } from "../spiffe/id.ts";
import type { SpiffeAuthMethod } from "./client.ts";
import type { ProposedMetadata } from "./merge.ts";
import type { DcrErrorCode } from "../errors.ts";

/** What a rule lets a client have. An empty list allows nothing of its kind (X10). */
export interface PolicyAllowance {
  readonly grantTypes: readonly string[];
  readonly scopes: readonly string[];
  /** RFC 8707 resource identifiers, compared byte for byte. */
  readonly resources: readonly string[];
  /** Redirect URIs, compared byte for byte. */
  readonly redirectUris: readonly string[];
  readonly tokenEndpointAuthMethods: readonly SpiffeAuthMethod[];
}

/** One rule of the policy. The first whose `match` holds decides; no rule: refused. */
export interface PolicyRule {
  readonly name: string;
  readonly match: {
    /** A trust domain name. */
    readonly trust: string;
    readonly subject: SpiffeIdPattern;
  };
  readonly allow: PolicyAllowance;
  /** Metadata names that the request body may not supply. */
  readonly attestedOnly: readonly string[];
  /** Values for what neither statement nor body gives; `{path[2]}` and the like are filled in. */
  readonly template: Readonly<Record<string, unknown>>;
  /** What its clients may learn of others' tokens at the introspection endpoint. */
  readonly introspect: "own" | "any";
}

export type Policy = readonly PolicyRule[];

/** One reason for a refusal: which field or rule, what was expected, what came. */
export interface Reason {
  readonly code: DcrErrorCode;
  /** The metadata name, or `subject`. */
  readonly field: string;
  readonly message: string;
}

export type Decision =
  | {
      readonly allow: true;
      readonly rule: PolicyRule;
      readonly metadata: ProposedMetadata;
    }
  | {
      readonly allow: false;
      readonly rule: PolicyRule | undefined;
      readonly reasons: readonly Reason[];
    };

export function findRule(
  _policy: Policy,
  _trust: string,
  _subject: SpiffeId,
): PolicyRule | undefined {
  throw new Error("not yet");
}
export function decide(
  _rule: PolicyRule,
  _proposed: ProposedMetadata,
): Decision {
  throw new Error("not yet");
}

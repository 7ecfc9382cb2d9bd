import type { CheckResult } from "../credential/checks.ts";
import type { JsonObject } from "../json/index.ts";
import type { TrustSource } from "../trust/index.ts";
import type { ClientMetadata, Provenance } from "./client.ts";
import type { Reason } from "./policy.ts";
import type { RegistrationSettings } from "./register.ts";

/** A dry run of a registration: every check and policy rule, its verdict and why. Changes nothing. */
export interface Explanation {
  readonly allowed: boolean;
  readonly checks: readonly CheckResult[];
  readonly rules: readonly {
    readonly rule: string;
    readonly matched: boolean;
    readonly why: string;
  }[];
  readonly reasons: readonly Reason[];
  /** The metadata the client would get, with each member's origin; undefined where it got that far not. */
  readonly metadata?: ClientMetadata;
  readonly provenance?: Readonly<Record<string, Provenance>>;
}

export function explainRegistration(
  _body: JsonObject,
  _settings: RegistrationSettings,
  _ports: { readonly now: number; readonly trust: TrustSource },
): Promise<Explanation> {
  return Promise.reject(new Error("not yet"));
}

import type { SpiffeId, TrustDomainName } from "./id.ts";

/**
 * A pattern of SPIFFE IDs as the configuration writes it: `*` stands for exactly one path segment, a
 * closing `**` for one or more; nothing else is special.
 */
export interface SpiffeIdPattern {
  /** The pattern as written. */
  readonly text: string;
  readonly trustDomain: TrustDomainName;
  readonly segments: readonly string[];
}

export function parseSpiffeIdPattern(_text: string): SpiffeIdPattern {
  throw new Error("not yet");
}
export function matchesSpiffeIdPattern(
  _pattern: SpiffeIdPattern,
  _id: SpiffeId,
): boolean {
  throw new Error("not yet");
}

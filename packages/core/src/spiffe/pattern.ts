import { DcrError } from "../errors.ts";
import { parseSpiffeId, type SpiffeId, type TrustDomainName } from "./id.ts";
import type { SpiffeIdWildcard } from "./wildcard.ts";

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

/**
 * Parses a pattern: a SPIFFE ID in which a whole path segment may be `*`, and the last one `**`.
 *
 * @throws {DcrError} `spiffe_id_invalid`
 */
export function parseSpiffeIdPattern(text: string): SpiffeIdPattern {
  const [, , , ...segments] = text.split("/");
  const last = segments.length - 1;
  const isWild = (segment: string, index: number): boolean =>
    segment === "*" || (segment === "**" && index === last);
  const prefix = text.slice(
    0,
    text.length - segments.map((segment) => `/${segment}`).join("").length,
  );
  // What is left without the wildcards must be a SPIFFE ID of its own.
  const literal = parseSpiffeId(
    [
      prefix,
      ...segments.map((segment, index) =>
        isWild(segment, index) ? "x" : segment,
      ),
    ].join("/"),
  );
  if (segments.length === 0) {
    throw new DcrError(
      "spiffe_id_invalid",
      "expected a pattern with a path, got a trust domain alone",
    );
  }
  return { text, trustDomain: literal.trustDomain, segments };
}

/** Whether a SPIFFE ID is one of those the pattern stands for. */
export function matchesSpiffeIdPattern(
  pattern: SpiffeIdPattern,
  id: SpiffeId,
): boolean {
  if (id.trustDomain !== pattern.trustDomain || id.path === "") return false;
  const segments = id.path.slice(1).split("/");
  const { open, fixed } = partsOf(pattern);
  if (open ? segments.length <= fixed.length : segments.length !== fixed.length)
    return false;
  return fixed.every(
    (wanted, index) => wanted === "*" || wanted === segments[index],
  );
}

/** Whether some SPIFFE ID is one of those that the pattern stands for, and below the wildcard's path too. */
export function meetsSpiffeIdWildcard(
  pattern: SpiffeIdPattern,
  wildcard: SpiffeIdWildcard,
): boolean {
  if (wildcard.trustDomain !== pattern.trustDomain) return false;
  const [, , , ...path] = wildcard.uri.split("/").slice(0, -1);
  const { open, fixed } = partsOf(pattern);
  if (!open && fixed.length <= path.length) return false;
  return path.every(
    (segment, index) =>
      index >= fixed.length || fixed[index] === "*" || fixed[index] === segment,
  );
}

function partsOf({ segments }: SpiffeIdPattern): {
  readonly open: boolean;
  readonly fixed: readonly string[];
} {
  const open = segments.at(-1) === "**";
  return { open, fixed: open ? segments.slice(0, -1) : segments };
}

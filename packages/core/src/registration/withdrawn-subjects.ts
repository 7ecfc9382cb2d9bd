import { DcrError } from "../errors.ts";
import { parseSpiffeId } from "../spiffe/id.ts";
import {
  matchesSpiffeIdPattern,
  meetsSpiffeIdWildcard,
  parseSpiffeIdPattern,
  type SpiffeIdPattern,
} from "../spiffe/pattern.ts";
import { parseSpiffeIdWildcard } from "../spiffe/wildcard.ts";

/** Which subjects of clients a withdrawal by `subject` hits. */
export interface WithdrawnSubjects {
  /** What those begin with that `has` tells apart. */
  readonly prefix: string;
  /** The withdrawal names one subject, and `prefix` is that. */
  readonly isExact: boolean;
  /**
   * Wildcards that do not begin with `prefix`, whose clients stand for some that it hits: one for each folder
   * above.
   */
  readonly above: readonly string[];
  /**
   * Whether the client of a subject gets nothing any more or, of a wildcard, some of those who share it. The
   * pattern is parsed once for all.
   */
  readonly has: (subject: string) => boolean;
}

/** Reads what a withdrawal by `subject` names: a pattern of SPIFFE IDs, or any one subject. */
export function withdrawnSubjects(value: string): WithdrawnSubjects {
  const pattern = tryParse(() => parseSpiffeIdPattern(value));
  const isExact = pattern === undefined || !value.includes("*");
  const prefix = isExact ? value : value.slice(0, value.indexOf("*"));
  return {
    prefix,
    isExact,
    above: pattern === undefined ? [] : wildcardsAbove(pattern, prefix),
    has: (subject) =>
      subject === value ||
      (pattern !== undefined && !isExact && isHit(pattern, subject)),
  };
}

function isHit(pattern: SpiffeIdPattern, subject: string): boolean {
  if (!subject.startsWith("spiffe://")) return false;
  const hit = subject.endsWith("/*")
    ? tryParse(() =>
        meetsSpiffeIdWildcard(pattern, parseSpiffeIdWildcard(subject)),
      )
    : tryParse(() => matchesSpiffeIdPattern(pattern, parseSpiffeId(subject)));
  return hit === true;
}

function wildcardsAbove(
  { trustDomain, segments }: SpiffeIdPattern,
  prefix: string,
): readonly string[] {
  const folders: string[] = [];
  let folder = `spiffe://${trustDomain}`;
  for (const segment of segments.slice(0, -1)) {
    if (segment === "*") break;
    folder += `/${segment}`;
    const wildcard = `${folder}/*`;
    if (!wildcard.startsWith(prefix)) folders.push(wildcard);
  }
  return folders;
}

/** Undefined for what is no pattern, or no SPIFFE ID: that matches by equality alone. */
function tryParse<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DcrError) return undefined;
    throw error;
  }
}

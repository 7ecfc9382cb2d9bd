import { WorkloadApiError } from "./error.ts";
import { printable } from "./printable.ts";

/** The standard's limit for a hint, in bytes. */
const MAX_HINT_BYTES = 1024;
/** More identities than any workload has; what reading a message costs stays bounded. */
const MAX_SVIDS = 256;

/** An answer that is not one: a mandatory field at its default (WAPI-10), or a value that cannot be read. */
export function invalid(why: string): WorkloadApiError {
  return new WorkloadApiError(
    "response_invalid",
    `the Workload API's answer is unusable: ${why}`,
  );
}

/** A stream's message that holds nothing at all: what was given before must not be used on (WAPI-10). */
export function redacted(what: string): WorkloadApiError {
  return new WorkloadApiError(
    "redacted",
    `the Workload API took everything back: its message holds no ${what}`,
  );
}

/**
 * Checks what the SVIDs of all kinds have in common: the ID is there and the hint short enough. Of SVIDs
 * that share a hint only the first one is returned (WAPI-12); the first of all is the default identity.
 *
 * @throws {WorkloadApiError} `response_invalid`
 */
export function identities<
  T extends { readonly spiffeId: string; readonly hint: string },
>(kind: string, svids: readonly T[], asked?: string): readonly T[] {
  if (svids.length > MAX_SVIDS) {
    throw invalid(
      `expected at most ${MAX_SVIDS} ${kind}s, got ${svids.length}`,
    );
  }
  const hints = new Set<string>();
  return svids.filter(({ spiffeId, hint }) => {
    if (spiffeId === "") throw invalid(`a ${kind} lacks spiffe_id`);
    if (asked !== undefined && spiffeId !== asked) {
      throw invalid(`expected ${printable(asked)}, got ${printable(spiffeId)}`);
    }
    if (Buffer.byteLength(hint) > MAX_HINT_BYTES) {
      throw invalid(`a hint is longer than ${MAX_HINT_BYTES} bytes`);
    }
    if (hint !== "" && hints.has(hint)) return false;
    hints.add(hint);
    return true;
  });
}

/**
 * Reads a map of bundles by trust domain: none of them empty (WAPI-10), and each kept under its own
 * trust domain (WAPI-13).
 *
 * @throws {WorkloadApiError} `response_invalid`
 */
export function bundlesByTrustDomain<T extends { readonly length: number }, R>(
  bundles: Readonly<Record<string, T>>,
  read: (bundle: T, of: string) => R,
): ReadonlyMap<string, R> {
  return new Map(
    Object.entries(bundles).map(([trustDomain, bundle]) => {
      if (trustDomain === "") throw invalid("a bundle names no trust domain");
      const of = `the bundle of ${printable(trustDomain)}`;
      if (bundle.length === 0) throw invalid(`${of} is empty`);
      return [trustDomain, read(bundle, of)];
    }),
  );
}

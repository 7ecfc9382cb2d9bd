import { DcrError } from "@accredit/core/errors";
import type { SuspensionTarget } from "@accredit/core/ports";
import { parseSpiffeIdPattern } from "@accredit/core/spiffe";
import type { ApiCall, ApiPorts } from "./api-route.ts";

const SCOPES: readonly SuspensionTarget["scope"][] = [
  "trust",
  "rule",
  "subject",
  "client",
];

/**
 * What a path names as the target of a withdrawal.
 *
 * @throws {DcrError} `request_malformed`
 */
export function targetOf({ path }: ApiCall): SuspensionTarget {
  const scope = SCOPES.find((each) => each === path["scope"]);
  if (scope === undefined) {
    throw new DcrError(
      "request_malformed",
      `expected a scope of ${SCOPES.join(", ")}, got another`,
    );
  }
  return { scope, value: path["value"] ?? "" };
}

/**
 * The same, of a withdrawal that is to be set: not one that could never hit anybody, which would be taken for
 * one that did.
 *
 * @throws {DcrError} `request_malformed`, `store_unavailable`
 */
export async function effectiveTargetOf(
  call: ApiCall,
  ports: ApiPorts,
): Promise<SuspensionTarget> {
  const target = targetOf(call);
  const { scope, value } = target;
  if (scope === "subject") requirePattern(value);
  if (scope === "trust") {
    const names = ports.trustHealth().map(({ trustDomain }) => trustDomain);
    await requireName(target, names, "trust sources", ports);
  }
  if (scope === "rule") {
    const names = ports.policy.map(({ name }) => name);
    await requireName(target, names, "policy rules", ports);
  }
  return target;
}

/** A subject that is no SPIFFE ID is compared as it is, and nothing in it stands for anything else. */
function requirePattern(value: string): void {
  if (!value.includes("*") && !value.startsWith("spiffe:")) return;
  try {
    // A trust domain alone is nobody's subject: the scope for that is another.
    parseSpiffeIdPattern(value);
  } catch (error) {
    if (!(error instanceof DcrError)) throw error;
    throw new DcrError(
      "request_malformed",
      `expected a subject, or a pattern of SPIFFE IDs (a whole segment may be *, the last one **), got another value: ${error.message}`,
    );
  }
}

/** Names that a message lists. */
const NAMED = 20;

/** What is no longer in the configuration may have clients still. */
async function requireName(
  target: SuspensionTarget,
  names: readonly string[],
  what: string,
  { store }: ApiPorts,
): Promise<void> {
  if (names.includes(target.value)) return;
  if ((await store.countTargets(target)).clients > 0) return;
  const some = names.slice(0, NAMED).join(", ") || "there are none";
  throw new DcrError(
    "request_malformed",
    `expected one of the ${what} (${some}${names.length > NAMED ? ", ..." : ""}), got another name, which has no clients`,
  );
}

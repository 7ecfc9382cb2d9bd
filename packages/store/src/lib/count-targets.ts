import { setImmediate as immediate } from "node:timers/promises";
import type { SuspensionTarget, TargetCount } from "@accredit/core/ports";
import { withdrawnSubjects } from "@accredit/core/withdrawal";
import type { StoreReader, SubjectPage } from "./read.ts";

/**
 * Counts the clients that a withdrawal hits, in pieces between which other work gets its turn, until
 * `withinMs` have gone by.
 */
export async function countTargets(
  reader: Pick<StoreReader, "countNamed" | "liveSubjects">,
  target: SuspensionTarget,
  withinMs: number,
): Promise<TargetCount> {
  if (target.scope !== "subject")
    return { clients: await reader.countNamed(target), complete: true };
  const { prefix, isExact, above, has } = withdrawnSubjects(target.value);
  const named = isExact ? [target.value, ...above] : above;
  let clients = 0;
  for (const value of named)
    clients += await reader.countNamed({ scope: "subject", value });
  if (isExact) return { clients, complete: true };

  const deadline = performance.now() + withinMs;
  let after: SubjectPage["next"] | undefined;
  do {
    if (performance.now() > deadline) return { clients, complete: false };
    const page = await reader.liveSubjects(prefix, after);
    for (const [subject, count] of page.subjects)
      if (has(subject)) clients += count;
    after = page.next;
    await immediate();
  } while (after !== null);
  return { clients, complete: true };
}

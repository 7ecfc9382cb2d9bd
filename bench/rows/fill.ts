import type { ClientProposal, Store } from "@accredit/core/ports";
import type { SpiffeClient } from "@accredit/core/registration";
import { makeProposal } from "@accredit/testkit";
import { metadataOf, subjectOf, TRUST_DOMAIN } from "../load/requests.ts";

/** Writes on their way at once: each batch shares a commit. */
const BATCH = 2000;
/** Far from the numbers that the load registers. */
export const FIRST_FILLER = 1_000_000_000;

/** Registers clients through the store, audit rows and all, as the server would. */
export async function fillStore(
  store: Pick<Store, "register">,
  count: number,
  leaseExpiresAt: number | null = null,
): Promise<void> {
  for (let first = 0; first < count; first += BATCH)
    await Promise.all(
      Array.from({ length: Math.min(BATCH, count - first) }, (_, n) =>
        store.register(fillerOf(FIRST_FILLER + first + n, leaseExpiresAt)),
      ),
    );
}

function fillerOf(
  number: number,
  leaseExpiresAt: number | null,
): ClientProposal {
  const subject = subjectOf(number);
  const proposal = makeProposal({ subject, leaseExpiresAt });
  const client = proposal.client as Omit<SpiffeClient, "issuedAt">;
  return {
    ...proposal,
    client: {
      ...client,
      trust: TRUST_DOMAIN,
      metadata: { ...client.metadata, ...metadataOf(number) },
    },
  };
}

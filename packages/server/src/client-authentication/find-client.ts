import { DcrError } from "@accredit/core/errors";
import type { ClientStore } from "@accredit/core/ports";
import {
  clientSubjects,
  type Policy,
  type RegisteredClient,
} from "@accredit/core/registration";
import type { SpiffeId } from "@accredit/core/spiffe";

/** What finding a client needs of the world. */
export interface FindClientPorts {
  readonly store: Pick<ClientStore, "findClient" | "findSpiffeClients">;
  readonly policy: Policy;
}

/**
 * The client that a proven SPIFFE ID stands for (CAUTH-06): its own, or the one that it shares by the rule
 * that decides on it.
 * `clientId` is what the request names, the client's identifier or its SPIFFE ID; without it the ID must
 * have one client only (A05). A client of its own comes before one that it shares.
 *
 * @throws {DcrError} `client_unknown`, `client_ambiguous`, `client_mismatch`, `store_unavailable`
 */
export async function findSpiffeClient(
  subject: SpiffeId,
  clientId: string | undefined,
  { store, policy }: FindClientPorts,
): Promise<RegisteredClient> {
  const names = clientSubjects(policy, subject);
  if (clientId !== undefined) {
    // Before it is a SPIFFE ID, it is an identifier, and has one client.
    const client = await store.findClient(clientId);
    if (client !== undefined && isOneOf(names, client)) return client;
    if (!names.includes(clientId)) throw mismatch();
  }
  const isOwn = clientId === undefined || clientId === subject.uri;
  for (const name of isOwn ? names : [clientId]) {
    const [client, ...more] = await store.findSpiffeClients(name);
    if (more.length > 0) {
      throw new DcrError(
        "client_ambiguous",
        "expected client_id, since the SPIFFE ID of the credential has several clients, got none",
      );
    }
    if (client !== undefined && isOneOf(names, client)) return client;
  }
  throw new DcrError(
    "client_unknown",
    "no client is registered for the SPIFFE ID of the credential",
  );
}

/** Whether a client that was found is one the credential stands for: the store is not the judge of that. */
function isOneOf(names: readonly string[], client: RegisteredClient): boolean {
  return client.kind === "spiffe" && names.includes(client.subject);
}

function mismatch(): DcrError {
  return new DcrError(
    "client_mismatch",
    "client_id names another client than the credential's SPIFFE ID",
  );
}

import { DcrError } from "@accredit/core/errors";
import type { ClientStore } from "@accredit/core/ports";
import {
  clientSubjects,
  type RegisteredClient,
} from "@accredit/core/registration";
import type { SpiffeId } from "@accredit/core/spiffe";
import { requireStanding, type StandingSource } from "./standing.ts";

/** What finding a client needs of the world. */
export interface FindClientPorts extends StandingSource {
  readonly store: Pick<ClientStore, "findClient" | "findSpiffeClients"> &
    StandingSource["store"];
  /** Hears of a client that has proven itself. */
  readonly renewLease: (client: RegisteredClient, instance: string) => void;
}

/**
 * The client that a proven SPIFFE ID stands for (CAUTH-06): its own, or the one that it shares by the rule
 * that decides on it.
 * `clientId` is what the request names, the client's identifier or its SPIFFE ID; without it the ID must
 * have one client only (A05). A client of its own comes before one that it shares.
 *
 * The client has to stand: its lease is renewed by this.
 *
 * @throws {DcrError} `client_unknown`, `client_ambiguous`, `client_mismatch`, `registration_expired`,
 * `registration_suspended`, `registration_withdrawn`, `store_unavailable`
 */
export async function findSpiffeClient(
  subject: SpiffeId,
  clientId: string | undefined,
  ports: FindClientPorts,
): Promise<RegisteredClient> {
  const client = await lookUp(subject, clientId, ports);
  await requireStanding(client, subject.uri, ports);
  ports.renewLease(client, subject.uri);
  return client;
}

async function lookUp(
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

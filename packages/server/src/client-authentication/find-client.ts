import { DcrError } from "@accredit/core/errors";
import type { ClientStore } from "@accredit/core/ports";
import type { RegisteredClient } from "@accredit/core/registration";
import type { SpiffeId } from "@accredit/core/spiffe";

/**
 * The client that a proven SPIFFE ID stands for (CAUTH-06). `clientId` is what the request names: the
 * client's identifier or its SPIFFE ID, undefined where it names none.
 *
 * @throws {DcrError} `client_unknown`, `client_mismatch`, `store_unavailable`
 */
export async function findSpiffeClient(
  subject: SpiffeId,
  clientId: string | undefined,
  store: Pick<ClientStore, "findClient">,
): Promise<RegisteredClient> {
  const client = await store.findClient(subject.uri);
  if (client === undefined || client.spiffeId.uri !== subject.uri) {
    throw new DcrError(
      "client_unknown",
      "no client is registered for the SPIFFE ID of the credential",
    );
  }
  if (
    clientId !== undefined &&
    clientId !== client.clientId &&
    clientId !== subject.uri
  ) {
    throw new DcrError(
      "client_mismatch",
      "client_id names another client than the credential's SPIFFE ID",
    );
  }
  return client;
}

import { spiffeJwtClientAuth } from "@accredit/client";
import { createWorkloadApiClient } from "@accredit/workload-api";
import * as oauth from "oauth4webapi";

export async function tokenFor(
  as: oauth.AuthorizationServer,
  client: oauth.Client,
): Promise<oauth.TokenEndpointResponse> {
  const workloadApi = createWorkloadApiClient({
    address: "unix:///run/spire/agent.sock",
  });
  const auth = spiffeJwtClientAuth(workloadApi); // openid-client takes it, too
  return oauth.processClientCredentialsResponse(
    as,
    client,
    await oauth.clientCredentialsGrantRequest(as, client, auth, {
      scope: "read",
    }),
  );
}

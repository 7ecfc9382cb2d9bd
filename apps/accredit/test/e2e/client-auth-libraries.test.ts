import assert from "node:assert/strict";
import { test } from "node:test";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import {
  createMutualTls,
  register,
  spiffeJwtClientAuth,
} from "@accredit/client";
import { createWorkloadApiClient } from "@accredit/workload-api";
import { decodeJwt } from "jose";
import { AGENT, startWithWorkloadApi } from "./running-with-workload-api.ts";

const INSECURE = { [oauth.allowInsecureRequests]: true };

/** A running Accredit where the workload is registered. */
async function startRegistered(t: Parameters<typeof startWithWorkloadApi>[0]) {
  const accredit = await startWithWorkloadApi(t);
  const workloadApi = createWorkloadApiClient({
    address: accredit.domain.workloadApiAddress,
  });
  t.after(() => workloadApi.close());
  await register({
    server: accredit.issuer,
    svidSource: workloadApi,
    metadata: { grant_types: ["client_credentials"] },
  });
  return { ...accredit, workloadApi };
}

async function discoverWithOauth(issuer: string) {
  const url = new URL(issuer);
  return oauth.processDiscoveryResponse(
    url,
    await oauth.discoveryRequest(url, { algorithm: "oauth2", ...INSECURE }),
  );
}

test("[SCA] [CAUTH-02] [CAUTH-17] oauth4webapi gets a token and introspects it by JWT-SVID", async (t) => {
  const { issuer, workloadApi } = await startRegistered(t);
  const as = await discoverWithOauth(issuer);
  const client = { client_id: AGENT };
  const auth: oauth.ClientAuth = spiffeJwtClientAuth(workloadApi);
  const { access_token: token } = await oauth.processClientCredentialsResponse(
    as,
    client,
    await oauth.clientCredentialsGrantRequest(
      as,
      client,
      auth,
      { scope: "read" },
      INSECURE,
    ),
  );
  assert.equal(decodeJwt(token)["sub"], AGENT);
  const introspection = await oauth.processIntrospectionResponse(
    as,
    client,
    await oauth.introspectionRequest(as, client, auth, token, INSECURE),
  );
  assert.equal(introspection.active, true);
});

test("[SCA] [CAUTH-02] openid-client gets a token by JWT-SVID", async (t) => {
  const { issuer, workloadApi } = await startRegistered(t);
  // Its type says void; it waits all the same.
  const auth = spiffeJwtClientAuth(workloadApi) as openid.ClientAuth;
  const config = await openid.discovery(
    new URL(issuer),
    AGENT,
    undefined,
    auth,
    { algorithm: "oauth2", execute: [openid.allowInsecureRequests] },
  );
  const { access_token: token, scope } = await openid.clientCredentialsGrant(
    config,
    { scope: "read", resource: "https://api.example" },
  );
  assert.equal(scope, "read");
  assert.equal(decodeJwt(token)["aud"], "https://api.example");
});

test("[CAUTH-07] oauth4webapi gets a token by X.509-SVID", async (t) => {
  const { issuer, workloadApi, ca } = await startRegistered(t);
  const as = await discoverWithOauth(issuer);
  const client = { client_id: AGENT, use_mtls_endpoint_aliases: true };
  const mutualTls = createMutualTls({ svidSource: workloadApi, ca });
  t.after(() => mutualTls.close());
  const { access_token: token } = await oauth.processClientCredentialsResponse(
    as,
    client,
    await oauth.clientCredentialsGrantRequest(
      as,
      client,
      oauth.TlsClientAuth(),
      {},
      { [oauth.customFetch]: mutualTls.fetch, ...INSECURE },
    ),
  );
  assert.equal(decodeJwt(token)["sub"], AGENT);
});

test("[CAUTH-07] openid-client gets a token by X.509-SVID", async (t) => {
  const { issuer, workloadApi, ca } = await startRegistered(t);
  const mutualTls = createMutualTls({ svidSource: workloadApi, ca });
  t.after(() => mutualTls.close());
  const config = await openid.discovery(
    new URL(issuer),
    AGENT,
    { use_mtls_endpoint_aliases: true },
    openid.TlsClientAuth(),
    {
      algorithm: "oauth2",
      execute: [openid.allowInsecureRequests],
      [openid.customFetch]: mutualTls.fetch,
    },
  );
  const { access_token: token } = await openid.clientCredentialsGrant(config);
  assert.equal(decodeJwt(token)["sub"], AGENT);
});

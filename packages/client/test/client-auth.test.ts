import assert from "node:assert/strict";
import { test } from "node:test";
import * as oauth from "oauth4webapi";
import {
  JWT_SPIFFE_ASSERTION_TYPE,
  spiffeJwtClientAuth,
} from "@accredit/client";
import { claimsOf, FakeSvids, OTHER } from "./fake-svids.ts";

const AS = {
  issuer: "https://as.example",
  token_endpoint: "https://as.example/token",
};
const CLIENT = { client_id: OTHER };

test("puts a new SVID for the issuer into each request", async () => {
  const svids = new FakeSvids();
  const auth: oauth.ClientAuth = spiffeJwtClientAuth(svids, {
    spiffeId: OTHER,
  });
  for (const attempt of [0, 1]) {
    const body = new URLSearchParams({ scope: "read" });
    const headers = new Headers();
    await auth(AS, CLIENT, body, headers);
    assert.deepEqual(Object.fromEntries(body), {
      scope: "read",
      client_id: OTHER,
      client_assertion_type: JWT_SPIFFE_ASSERTION_TYPE,
      client_assertion: svids.issued[attempt],
    });
    assert.deepEqual([...headers], []);
    const { sub, aud } = claimsOf(svids.issued[attempt] ?? "");
    assert.deepEqual([sub, aud], [OTHER, AS.issuer]);
  }
});

test("the library hears that there is no SVID, and sends nothing", async () => {
  const svids = new FakeSvids();
  svids.failure = new Error("no agent");
  const as = {
    issuer: "https://as.example",
    token_endpoint: "https://as.example/token",
  };
  await assert.rejects(
    oauth.clientCredentialsGrantRequest(
      as,
      { client_id: OTHER },
      spiffeJwtClientAuth(svids, { spiffeId: OTHER }),
      {},
      { [oauth.customFetch]: () => assert.fail("sent") },
    ),
    { code: "svid_unavailable" },
  );
});
